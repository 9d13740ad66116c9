# SPDX-License-Identifier: Apache-2.0
"""Which backup restores each volume as of a time, and which volumes a server had then.

The labels of a rotation say what a volume was called, what type it had and which server it was
attached to at the time of each backup. They are all that is left when volumes and servers are gone.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from typing import NamedTuple

from backupext.core import labels, naming
from backupext.core.chains import Graph, created
from backupext.core.labels import Origin
from backupext.core.models import Attachment, Backup, Volume
from backupext.core.selection import is_called

#: The statuses of a backup whose data can be read. A restore that is in progress does not change
#: the data, but Cinder begins another one only when it has ended.
READABLE = frozenset({'available', 'restoring'})

_EVER = datetime.max.replace(tzinfo=timezone.utc)

#: A run of a rotation: its label and its value.
_Run = tuple[str, str]


class Source(NamedTuple):
    """A volume to recover, as it was at a time, as far as the labels or the volume show."""

    id: str
    origin: Origin

    @property
    def place(self) -> tuple[bool, int, str, str]:
        """A sort key: devices in their order, ``/dev/vdb`` before ``/dev/vdaa``; then names."""
        device = self.origin.device
        return device is None, len(device or ''), device or self.origin.volume_name or '', self.id


class Pick(NamedTuple):
    """The backup that restores a volume.

    :param backup: None if no backup qualifies.
    :param newer: a restorable backup with later data, if a run was preferred to it.
    :param uncertain: a backup with later data that may not be restorable.
    """

    source: Source
    backup: Backup | None = None
    newer: Backup | None = None
    uncertain: Backup | None = None


class Choice(NamedTuple):
    """The backups that restore some volumes.

    :param run: the run of a rotation that has all of them, if it was preferred.
    :param complete_until: otherwise, the time of the latest run that has all volumes.
    """

    picks: Sequence[Pick]
    run: str | None = None
    complete_until: datetime | None = None

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest time of the data; None without two backups."""
        times = [time_of(each.backup) for each in self.picks if each.backup]
        return (min(times), max(times)) if len(times) > 1 else None


class History:
    """What a project's backups and volumes say about a time.

    :param backups: all backups of the project, in every status.
    :param volumes: the volumes that exist now.
    :param at: the time; None means now.
    """

    def __init__(
        self, backups: Iterable[Backup], volumes: Iterable[Volume], at: datetime | None = None
    ) -> None:
        self._at = at or _EVER
        self._graph = Graph(each for each in backups if each.volume_id)
        self._volumes = {each.id: each for each in volumes}
        self._backups: dict[str, list[Backup]] = defaultdict(list)
        for backup in sorted(self._graph.backups, key=_by_data, reverse=True):
            self._backups[backup.volume_id or ''].append(backup)

    # Servers

    def find_servers(self, name: str, others: Iterable[str] = ()) -> list[str]:
        """Return the IDs of the servers that had a name and, if there are several, volumes.

        A name that a server has lost counts only if no server has it.

        :param others: the IDs of servers that have the name now.
        """
        known = [server for server, names in self._server_names.items() if names[0] == name]
        lost = [server for server, names in self._server_names.items() if name in names]
        current = list(dict.fromkeys((*known, *others)))
        return _first_that_qualify(
            (current, lost), lambda server: bool(self.volumes_of_server(server))
        )

    def server_name(self, server: str) -> str | None:
        """Return the last known name of a server."""
        return next(iter(self._server_names.get(server, ())), None)

    def volumes_of_server(self, server: str) -> list[Source]:
        """Return the volumes that were attached to a server, in the order of their devices.

        A volume that no rotation has backed up counts if it is attached now and existed then. Of
        two volumes with one device, the earlier one was replaced by the later.
        """
        found: dict[str, tuple[datetime, Source]] = {}
        for id_ in {*self._labelled, *self._volumes}:
            seen = self._attached_to(server, id_)
            if seen is not None:
                place = seen[1].origin.device or id_
                found[place] = max(found.get(place, seen), seen, key=lambda each: each[0])
        return sorted((source for _, source in found.values()), key=lambda each: each.place)

    def _attached_to(self, server: str, volume_id: str) -> tuple[datetime, Source] | None:
        """Return a volume and when it was seen at a server, if it was attached to it."""
        labelled = self._labelled.get(volume_id)
        if labelled:
            origin = labels.origin_of(labelled[0])
            is_there = origin.server == server
            return (created(labelled[0]), Source(volume_id, origin)) if is_there else None
        volume = self._volumes[volume_id]
        if volume.created and volume.created > self._at:
            return None
        for attachment in volume.attachments:
            if attachment.server_id == server:
                return _EVER, Source(volume_id, labels.describe(volume, attachment))
        return None

    # Volumes

    def find_volumes(self, reference: str) -> list[str]:
        """Return the IDs of the volumes that have a name or an ID.

        If several have the name, those count that have a restorable backup: the volumes that exist,
        or else those whose last name it was, or else those that had it at any time.
        """
        if reference in self._volumes or reference in self._backups:
            return [reference]
        name = reference.strip()
        existing = [each.id for each in self._volumes.values() if is_called(each, reference)]
        last = [id_ for id_, labelled in self._labelled.items() if _name_in(labelled[0]) == name]
        ever = [
            id_
            for id_, backups in self._backups.items()
            if any(_name_in(each) == name for each in backups)
        ]
        return _first_that_qualify(
            (existing, last, ever), lambda id_: bool(self._restorable.get(id_))
        )

    def volumes_of_label(self, label: str) -> list[Source]:
        """Return the volumes that a rotation has backed up, in the order of their devices."""
        found = [
            self.describe(id_)
            for id_, labelled in self._labelled.items()
            if any(labels.label_of(each) == label for each in labelled)
        ]
        return sorted(found, key=lambda each: each.place)

    def describe(self, volume_id: str) -> Source:
        """Return a volume as labels describe it at the time, or else as it is now.

        If it is deleted, its first labels after the time count.
        """
        labelled = self._labelled.get(volume_id)
        if labelled:
            return Source(volume_id, labels.origin_of(labelled[0]))
        volume = self._volumes.get(volume_id)
        if volume is not None:
            attachment = next(iter(volume.attachments), Attachment())
            return Source(volume_id, labels.describe(volume, attachment))
        later = [each for each in self._backups.get(volume_id, ()) if labels.label_of(each)]
        first = min(later, key=created, default=None)
        return Source(volume_id, labels.origin_of(first) if first else Origin())

    # Backups

    def choose(
        self, sources: Sequence[Source], *, label: str | None = None, together: bool = False
    ) -> Choice:
        """Choose for each volume its restorable backup with the latest data.

        :param label: consider only backups of this rotation.
        :param together: if the latest run of a rotation has them all, choose the backups of it.
        """
        usable = {each.id: self._restorable_of(each.id, label) for each in sources}
        latest = Choice([self._pick(each, usable[each.id]) for each in sources])
        if not together or len(sources) == 1:
            return latest
        for number, run in enumerate(self._runs_of(sources)):
            of_run = {id_: _first_of(run, backups) for id_, backups in usable.items()}
            if all(of_run.values()):
                if number:
                    times = [time_of(each) for each in of_run.values() if each]
                    return latest._replace(complete_until=max(times))
                picks = [self._pick(each, usable[each.id], of_run[each.id]) for each in sources]
                return Choice(picks, run[1])
        return latest

    def _pick(
        self, source: Source, usable: Sequence[Backup], preferred: Backup | None = None
    ) -> Pick:
        latest = next(iter(usable), None)
        chosen = preferred or latest
        uncertain = next(
            (each for each in self._past(source.id) if each.id in self._uncertain), None
        )
        if uncertain and latest and _by_data(uncertain) < _by_data(latest):
            uncertain = None
        return Pick(source, chosen, latest if latest != chosen else None, uncertain)

    def _restorable_of(self, volume_id: str, label: str | None) -> list[Backup]:
        restorable = self._restorable.get(volume_id, ())
        return [each for each in restorable if label is None or labels.label_of(each) == label]

    def _runs_of(self, sources: Iterable[Source]) -> list[_Run]:
        """Return the runs that backed up some of the volumes, the latest first."""
        last: dict[_Run, datetime] = {}
        for source in sources:
            for backup in reversed(self._past(source.id)):
                run = _run_of(backup)
                if run is not None:
                    last[run] = max(last.get(run, time_of(backup)), time_of(backup))
        return sorted(last, key=lambda run: (last[run], run), reverse=True)

    # What is known of the time

    def _past(self, volume_id: str) -> list[Backup]:
        """Return the backups of a volume up to the time, the latest data first."""
        return [each for each in self._backups.get(volume_id, ()) if time_of(each) <= self._at]

    @cached_property
    def _restorable(self) -> Mapping[str, list[Backup]]:
        """The restorable backups of each volume up to the time, the latest data first."""
        sure = self._surely_restorable
        return {id_: [each for each in self._past(id_) if each.id in sure] for id_ in self._backups}

    @cached_property
    def _surely_restorable(self) -> frozenset[str]:
        # A failed backup keeps its fail reason if somebody resets its status.
        return self._graph.surely_restorable_if(
            lambda each: _is_readable(each) and not each.fail_reason
        )

    @cached_property
    def _uncertain(self) -> frozenset[str]:
        """The IDs of the backups that may be restorable, but not for certain."""
        return self._graph.restorable_if(_is_readable) - self._surely_restorable

    @cached_property
    def _labelled(self) -> Mapping[str, list[Backup]]:
        """The backups of rotations for each volume up to the time, the newest first."""
        found: dict[str, list[Backup]] = {}
        for id_, backups in self._backups.items():
            labelled = [
                each
                for each in backups
                if labels.label_of(each) is not None and created(each) <= self._at
            ]
            if labelled:
                found[id_] = sorted(labelled, key=created, reverse=True)
        return found

    @cached_property
    def _server_names(self) -> Mapping[str, list[str]]:
        """The names of each server up to the time, the last one first."""
        everything = [each for labelled in self._labelled.values() for each in labelled]
        names: dict[str, list[str]] = {}
        for backup in sorted(everything, key=created, reverse=True):
            origin = labels.origin_of(backup)
            if origin.server and origin.server_name:
                names.setdefault(origin.server, []).append(origin.server_name)
        return names


def time_of(backup: Backup) -> datetime:
    """Return the time of a backup's data."""
    return backup.data_time or created(backup)


def _by_data(backup: Backup) -> tuple[datetime, datetime, str]:
    return time_of(backup), created(backup), backup.id


def _name_in(backup: Backup) -> str | None:
    return labels.origin_of(backup).volume_name


def _is_readable(backup: Backup) -> bool:
    return backup.status in READABLE


def _run_of(backup: Backup) -> _Run | None:
    label, run = labels.label_of(backup), labels.run_of(backup)
    return None if label is None or run is None else (label, run)


def _first_of(run: _Run, backups: Iterable[Backup]) -> Backup | None:
    return next((each for each in backups if _run_of(each) == run), None)


def _first_that_qualify(
    tiers: Iterable[Collection[str]], qualifies: Callable[[str], bool]
) -> list[str]:
    """Return the qualifying ones of the first tier that has some; else the first tier's."""
    filled = [list(tier) for tier in tiers if tier]
    for tier in filled:
        qualifying = [each for each in tier if qualifies(each)]
        if qualifying:
            return qualifying
    return filled[0] if filled else []


# Names of new volumes

#: The name of a new volume by default.
DEFAULT_NAME_FORMAT = '{volume}-as-of-{time}'
#: What a format can contain.
NAME_FIELDS = ('volume', 'backup', 'time')


def format_name(format_: str, volume_name: str | None, backup: Backup) -> str:
    """Return the name of the new volume that a backup is restored to.

    It depends only on the backup and the volume, so that a second run finds what the first created.
    A name that is too long for Cinder is cut in the name of the volume.
    """
    return naming.fill(
        format_,
        volume_name or backup.volume_id or '',
        backup=backup.name or backup.id,
        time=f'{time_of(backup):%Y-%m-%dT%H:%M}',
    )
