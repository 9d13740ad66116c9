# SPDX-License-Identifier: Apache-2.0
"""Restore volumes as of a time to new ones; check everything before the first request."""

import contextlib
import math
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from backupext import errors
from backupext.cloud import Cloud
from backupext.core import labels, recovery
from backupext.core.causes import Cause
from backupext.core.filters import OWN_PROJECT
from backupext.core.goals import RESTORED
from backupext.core.models import Backup, Volume, is_id
from backupext.core.recovery import Choice, History, Pick, Source
from backupext.core.selection import is_temporary
from backupext.core.text import visible
from backupext.core.timespec import format_duration
from backupext.operations.restore import NewVolume, Restore, Restored, how_to_delete
from backupext.operations.schedule import Schedule, Work
from backupext.operations.wait import Steps, until_available

# The first disk of a server, by the kind of its bus.
_BOOT_DEVICE = re.compile(r'/dev/(?:v|xv|s|h)da')

Note = Callable[[str], None]

#: The statuses of a new volume that does not have its data yet.
_UNFINISHED = frozenset({'creating', 'downloading', 'restoring-backup'})


class Request(NamedTuple):
    """What to recover and how. Only one of ``server``, ``volumes`` and ``label`` is given.

    ``at`` is None for now; ``type`` and ``availability_zone`` are None for those of the sources.

    :param partial: leave out volumes without a restorable backup.
    :param resume: use volumes that an earlier run has restored from the same backups.
    """

    server: str | None = None
    volumes: Sequence[str] = ()
    label: str | None = None
    at: datetime | None = None
    name_format: str = recovery.DEFAULT_NAME_FORMAT
    type: str | None = None
    availability_zone: str | None = None
    partial: bool = False
    resume: bool = False


class Server(NamedTuple):
    """The server whose volumes are recovered."""

    id: str
    name: str | None

    def __str__(self) -> str:
        """Name the server in a sentence."""
        return f"'{visible(self.name)}' ({self.id})" if self.name else self.id


@dataclass
class Item:
    """A volume to recover, and how far that is.

    :param volume: the source, as it is called.
    :param source: the source as it is now; None if it is deleted.
    :param backup: what is restored; None if no backup qualifies.
    :param new: the attributes of the new volume.
    :param made: the new volume, once it is requested.
    :param status: that of the new volume, or why there is none.
    """

    device: str | None
    is_bootable: bool
    volume: Volume
    source: Volume | None
    backup: Backup | None = None
    new: NewVolume | None = None
    made: Volume | None = None
    status: str = 'no backup'

    @property
    def data_timestamp(self) -> str | None:
        """The time of the data."""
        return self.backup.data_timestamp if self.backup else None

    @property
    def new_volume(self) -> Volume | None:
        """The new volume; before it is requested, it has a name but no ID."""
        if self.made:
            return self.made
        return Volume('', self.new.name) if self.new else None


class Plan(NamedTuple):
    """The volumes to recover, in the order of their devices."""

    items: Sequence[Item]
    server: Server | None
    at: datetime | None


def plan(cloud: Cloud, request: Request, note: Note) -> Plan:
    """Decide from which backups to restore which volumes; nothing is changed.

    :param note: called with what the user should know about the choice.
    :raises NotFoundError: nothing has a given name or label.
    :raises AmbiguousError: several volumes or servers have a name.
    :raises RefusedError: a volume has no restorable backup, is encrypted and its type is not known,
        or was recovered before; or the quota is too small.
    """
    backups = list(cloud.list_backups({}))
    volumes = [each for each in cloud.list_volumes(OWN_PROJECT) if not is_temporary(each)]
    history = History(backups, volumes, request.at)
    server = _find_server(cloud, history, request) if request.server else None
    sources = _find_sources(history, request, server)
    choice = history.choose(sources, label=request.label, together=server is not None)
    existing = {each.id: each for each in volumes}
    items = [_prepare(cloud, each, request, existing) for each in choice.picks]
    _refuse_missing(choice, items, request)
    _recognize(items, volumes, request, note)
    _check_quota(cloud, [each for each in items if each.backup and not each.made])
    for sentence in _explain(choice, items, server, request.at):
        note(sentence)
    return Plan(items, server, request.at)


# Which volumes


def _find_server(cloud: Cloud, history: History, request: Request) -> Server:
    """Find a server that may be gone; its name is looked up in the labels and in Compute."""
    reference = request.server or ''
    if is_id(reference):
        return Server(reference, history.server_name(reference))
    running: list[str] = []
    # The labels are enough if Compute is missing, does not answer, or does not know the name.
    with contextlib.suppress(errors.NotFoundError, errors.AmbiguousError, errors.RequestError):
        running = [cloud.impatient().find_server(reference, OWN_PROJECT)]
    found = history.find_servers(reference, running)
    if len(found) > 1:
        raise errors.AmbiguousError(
            f"{len(found)} servers had the name '{visible(reference)}'{_by(request.at)}. Use the "
            f'ID of one of them: {", ".join(found)}.'
        )
    return Server(found[0] if found else cloud.find_server(reference, OWN_PROJECT), reference)


def _find_sources(history: History, request: Request, server: Server | None) -> list[Source]:
    if server:
        found = history.volumes_of_server(server.id)
        if not found:
            raise errors.RefusedError(
                f'No volume is known that was attached to server {server}{_by(request.at)}. Only '
                'the labels of a rotation and the volumes that are attached now show it.'
            )
        return found
    if request.label is not None:
        found = history.volumes_of_label(request.label)
        if not found:
            raise errors.NotFoundError(
                f"No backup of rotation '{visible(request.label)}' exists{_by(request.at)}."
            )
        return found
    ids = dict.fromkeys(_find_volume(history, each, request.at) for each in request.volumes)
    return [history.describe(each) for each in ids]


def _find_volume(history: History, reference: str, at: datetime | None) -> str:
    found = history.find_volumes(reference)
    if not found:
        raise errors.NotFoundError(
            f"No volume has the name or ID '{visible(reference)}', and no backup is of one. A "
            'deleted volume has a name only in the labels of a rotation; otherwise, give its ID.'
        )
    if len(found) > 1:
        raise errors.AmbiguousError(
            f"{len(found)} volumes had the name '{visible(reference)}'{_by(at)}. Use the ID of one "
            f'of them: {", ".join(found)}.'
        )
    return found[0]


# What to restore


def _prepare(cloud: Cloud, pick: Pick, request: Request, volumes: Mapping[str, Volume]) -> Item:
    """Return a volume to recover, with the attributes of the new one.

    :raises RefusedError: the backup is encrypted, and the type does not fit or is not known.
    """
    id_, origin = pick.source
    # What the list lacks may be in another project.
    source = volumes.get(id_) or cloud.read_volume(id_)
    volume = source or Volume(id_, origin.volume_name)
    is_bootable = (origin.bootable or (source and source.bootable)) == 'true'
    item = Item(origin.device, is_bootable, volume, source, pick.backup)
    if pick.backup is None:
        return item
    item.status = 'planned'
    item.new = _new_volume(cloud, pick.backup, source, _with_own(pick), request)
    return item


def _with_own(pick: Pick) -> labels.Origin:
    """Return what is known of a volume, above all from the backup that restores it."""
    own = labels.origin_of(pick.backup)._asdict() if pick.backup else {}
    return pick.source.origin._replace(**{key: value for key, value in own.items() if value})


def _new_volume(
    cloud: Cloud, backup: Backup, source: Volume | None, origin: labels.Origin, request: Request
) -> NewVolume:
    """Return the attributes of the new volume: those of the source, or else the labelled ones."""
    name = recovery.format_name(
        request.name_format, source.name if source else origin.volume_name, backup
    )
    zone = source.availability_zone if source else origin.availability_zone
    type_ = request.type or (None if source else origin.volume_type)
    wanted = NewVolume(
        name,
        type_,
        request.availability_zone or zone,
        properties={labels.RECOVERED_FROM: backup.id},
    )
    checked = _restore_of(cloud, backup, source).check_new(backup, wanted)
    return replace(checked, type=checked.type or (source.volume_type if source else None))


def _restore_of(cloud: Cloud, backup: Backup, source: Volume | None) -> Restore:
    return Restore(cloud, lambda _: None, sources={backup.volume_id or '': source})


def _refuse_missing(choice: Choice, items: Sequence[Item], request: Request) -> None:
    missing = [each for each in items if each.backup is None]
    if not missing or (request.partial and len(missing) < len(items)):
        return
    tries = [
        f'Backup {each.uncertain} may be restorable; to try it: {_restore_command(each.uncertain)}.'
        for each in choice.picks
        if each.backup is None and each.uncertain
    ]
    others = ['Use --partial to recover the others.'] if len(missing) < len(items) else []
    sentences = [_no_backup(missing, request.at), 'Nothing was requested.', *others, *tries]
    raise errors.RefusedError(' '.join(sentences))


def _no_backup(items: Sequence[Item], at: datetime | None) -> str:
    names = ', '.join(str(each.volume) for each in items)
    if len(items) == 1:
        return f'Volume {names} has no restorable backup{_by(at)}.'
    return f'{len(items)} volumes have no restorable backup{_by(at)}: {names}.'


def _recognize(
    items: Iterable[Item], volumes: Sequence[Volume], request: Request, note: Note
) -> None:
    """Find the volumes that an earlier run created, so that none is created twice.

    Until the restore ends, the property of the request marks them. Then they have the one that
    Cinder gives every restored volume, which may be in use since.

    :raises RefusedError: an earlier run has restored some, and they are not to be used.
    """
    restored: list[Volume] = []
    for item in items:
        made = [each for each in volumes if _is_from(each, item)]
        unfinished = [each for each in made if each.status in _UNFINISHED]
        done = [each for each in made if each.status in RESTORED.wanted]
        for each in made:
            if (each.status or '').startswith('error'):
                delete = how_to_delete(each.id, has_key=bool(each.encrypted))
                note(f'Volume {each} of an earlier run is in status {each.status}. {delete}')
        if unfinished:
            note(f'Volume {unfinished[0]} is still being restored; it is not created again.')
            _take(item, unfinished[0])
        elif done and request.resume:
            _take(item, done[0])
        restored += done if done and not item.made else []
    if restored:
        raise errors.RefusedError(_already_restored(restored))


def _is_from(volume: Volume, item: Item) -> bool:
    """Return whether a volume is the new one that a run would create, or has created."""
    if item.backup is None or item.new is None or volume.name != item.new.name:
        return False
    marks = (labels.RECOVERED_FROM, labels.RESTORED_FROM)
    return any((volume.metadata or {}).get(each) == item.backup.id for each in marks)


def _take(item: Item, volume: Volume) -> None:
    item.made, item.status = volume, volume.status or 'unknown'


def _already_restored(volumes: Sequence[Volume]) -> str:
    names = ', '.join(map(str, volumes))
    told = f'{len(volumes)} volumes were already restored from the same backups: {names}'
    if len(volumes) == 1:
        told = f'Volume {names} was already restored from the same backup'
    return (
        f'{told}. Nothing was requested. If nothing has changed the data since, use --continue to '
        'recover only the rest. To restore again, give other names with --name-format.'
    )


def _check_quota(cloud: Cloud, items: Sequence[Item]) -> None:
    """Refuse if the new volumes do not fit into the quota, or some would be missing."""
    if not items:
        return
    try:
        limits = cloud.read_volume_limits()
    except errors.RequestError as error:
        if error.cause is Cause.NOT_ALLOWED:
            return
        raise
    size = sum((each.backup and each.backup.size) or 0 for each in items)
    objection = limits.find_objection(len(items), size)
    if objection:
        raise errors.RefusedError(f'Nothing was requested: {objection}.')


# What to say about it


def _explain(
    choice: Choice, items: Sequence[Item], server: Server | None, at: datetime | None
) -> Iterator[str]:
    if server:
        count = f'{len(items)} volume{"" if len(items) == 1 else "s"}'
        yield f'Server {server} had {count}{_by(at)}.'
    if choice.span:
        earliest, latest = choice.span
        apart = format_duration((latest - earliest).total_seconds())
        run = f' All backups are of run {visible(choice.run)}.' if choice.run else ''
        yield f'The data is from {_when(earliest)} to {_when(latest)}, {apart} apart.{run}'
    if choice.complete_until:
        until = _when(_full_second(choice.complete_until))
        yield (
            f'The backups are not of one run. The latest run that has all volumes is complete '
            f'with --at {until}.'
        )
    for pick, item in zip(choice.picks, items, strict=True):
        if pick.newer:
            yield (
                f'Volume {item.volume} also has backup {pick.newer}, whose data is later than that '
                'of the run. To restore it instead: '
                f'{_restore_command(pick.newer)}'
            )
        if pick.uncertain and pick.backup:
            yield (
                f'Volume {item.volume} also has backup {pick.uncertain}, whose data is later, but '
                f'which may not be restorable. To try it: {_restore_command(pick.uncertain)}'
            )


def _restore_command(backup: Backup) -> str:
    return f'openstack volume backup restore {backup.id}'


def _by(at: datetime | None) -> str:
    return f' by {_when(at)}' if at else ''


def _when(time: datetime) -> str:
    """Format a time in UTC as ``--at`` accepts it."""
    text = f'{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}'
    return text.rstrip('0').rstrip('.')


def _full_second(time: datetime) -> datetime:
    """Return the end of the second of a time."""
    return time.replace(microsecond=0) + timedelta(seconds=math.ceil(time.microsecond / 1e6))


# Doing it


class Recovery:
    """Restores the volumes of a plan.

    :param note: called with what the user should know although nothing failed.
    :param fail: called with each failure; one volume does not stop the others.
    :param wait: wait for the restores.
    """

    def __init__(
        self,
        schedule: Schedule,
        note: Note,
        fail: Callable[[errors.BackupError], None],
        *,
        wait: bool,
    ) -> None:
        self._schedule = schedule
        self._note = note
        self._fail = fail
        self._wait = wait

    def run(self, plan: Plan, limit: int) -> None:
        """Restore everything that is not restored yet.

        :param limit: the number of restores to run at once.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        items = {each.volume.id: each for each in plan.items}
        missing = [each for each in plan.items if each.backup is None]
        for item in missing:
            self._fail(errors.RefusedError(_no_backup([item], plan.at)))
        works = [
            Work(id_, f'volume {item.volume}', self._steps(item, item.backup, item.new))
            for id_, item in items.items()
            if item.backup and item.new
        ]
        for item in items.values():
            if item.status == 'planned':
                item.status = 'not requested'
        for done in self._schedule.run(works, limit=limit):
            if done.error:
                items[done.key].status = 'failed'
                self._fail(done.error)

    def _steps(self, item: Item, backup: Backup, new: NewVolume) -> Steps:
        sources = {item.volume.id: item.source}
        restore = Restore(self._schedule.cloud, self._note, self._schedule.patience, sources)
        if item.made is None:
            current = yield from self._read(backup)
            begun = restore.begin_new(current, new)
        else:
            made = item.made
            begun = Restored(backup.id, made.id, made.name, made.status, is_noted=True)
        _take(item, begun.volume)
        if self._wait:
            restored = yield from restore.finish(begun)
            _take(item, restored.volume)

    def _read(self, planned: Backup) -> Steps:
        """Read a backup again; if it is being restored, wait for the end of that."""
        backup = self._schedule.cloud.read_backup(planned.id)
        if backup is None:
            raise errors.RefusedError(f'Backup {planned} does not exist any more.')
        if backup.status == 'restoring' and self._wait:
            return (yield until_available(backup))
        return backup


def attach_commands(plan: Plan, *, unfinished: bool) -> list[str]:
    """Return the commands that attach the new volumes to the server, in the order of devices.

    The volume that a server boots from cannot be attached later: a new server is created from it.

    :param unfinished: include volumes that do not have their data yet.
    """
    server = plan.server
    if server is None:
        return []
    reference = shlex.quote(visible(server.name or server.id))
    commands: list[str] = []
    for item in plan.items:
        if item.made is None or item.status in {'failed', 'in-use'}:
            continue
        if item.status in _UNFINISHED and not unfinished:
            continue
        if item.is_bootable:
            commands.append(f'openstack volume set --bootable {item.made.id}')
        if item.is_bootable and _BOOT_DEVICE.fullmatch(item.device or ''):
            commands.append(
                f'openstack server create --volume {item.made.id} --flavor <flavor> --network '
                f'<network> {reference}'
            )
            continue
        device = f'--device {shlex.quote(visible(item.device))} ' if item.device else ''
        commands.append(f'openstack server add volume {device}{reference} {item.made.id}')
    return commands
