# SPDX-License-Identifier: Apache-2.0
"""Find what is wrong with the backups of volumes."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from backupext.core.chains import Graph, created, creation_order, group_of
from backupext.core.findings import (
    AGING,
    CHAIN,
    FAILED,
    FUTURE,
    LATE,
    LEFTOVER,
    MISSING,
    QUOTA,
    SLOW,
    STUCK,
    UNRESTORABLE,
    Finding,
    Health,
    Kind,
    Policy,
    Report,
    rank,
    time_of,
)
from backupext.core.models import Backup, Snapshot, Volume
from backupext.core.quota import Limits
from backupext.core.text import one_sentence, visible
from backupext.core.timespec import format_age

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
#: What Cinder needs at most to set the status of a volume after that of its backup, or to remove
#: a temporary copy. The lists of volumes and of backups are read one after the other, too.
_GRACE = timedelta(minutes=1)
#: How far the clocks of a cloud's hosts may be apart.
_SKEW = timedelta(minutes=5)
#: Cinder names the copies that it makes for a moment after the backup.
_TEMPORARY = re.compile(r'backup-(?:vol|snap)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})')
_FAILED = frozenset({'error', 'error_deleting'})
_RUNNING = frozenset({'creating', 'deleting', 'restoring'})
#: A backup that is being restored becomes available again, whether the restore works or not.
_GOOD = frozenset({'available', 'restoring'})


class Seen(NamedTuple):
    """What the cloud shows.

    :param volumes: the selected volumes.
    :param listed: every volume in scope; temporary copies are among them.
    :param is_complete: the selection is all volumes. Temporary copies are then findings even if it
        is not known which volume they are copies of.
    :param missing: the volumes that were named but not found, and why.
    :param backups: in every status, also those that do not count.
    :param limits: the quota, if it is to be checked.
    :param now: the time on the cloud's clock.
    """

    volumes: Sequence[Volume]
    listed: Sequence[Volume]
    is_complete: bool
    missing: Sequence[tuple[str, str]]
    backups: Sequence[Backup]
    snapshots: Sequence[Snapshot]
    limits: Limits | None
    now: datetime


def examine(seen: Seen, policy: Policy) -> Report:
    """Compare what the cloud shows with what is expected."""
    known = _Known(seen)
    volumes = [_Examination(volume, known, policy).health() for volume in seen.volumes]
    volumes.sort(key=lambda each: (-rank(each.severity), each.name or '', each.id or ''))
    others = [*_missing(seen), *_leftovers(seen, known), *_quota(seen)]
    return Report(volumes, others, policy, seen.now)


class _Known:
    """The backups and snapshots, by volume, and which backups are restorable."""

    def __init__(self, seen: Seen) -> None:
        self.now = seen.now
        self.ids = {each.id for each in seen.volumes}
        self.backups = {each.id: each for each in seen.backups}
        self.backups_of: dict[str, list[Backup]] = defaultdict(list)
        for backup in seen.backups:
            self.backups_of[backup.volume_id or ''].append(backup)
        self.snapshots_of: dict[str, list[Snapshot]] = defaultdict(list)
        for snapshot in seen.snapshots:
            self.snapshots_of[snapshot.volume_id or ''].append(snapshot)
        self.graph = Graph(_settled(each) for each in seen.backups if each.volume_id in self.ids)

    def is_busy(self, backup: Backup) -> bool:
        """Return whether a backup is being made, or was until a moment ago."""
        return backup.status == 'creating' or (
            backup.updated is not None and self.now - backup.updated < _GRACE
        )


def _settled(backup: Backup) -> Backup:
    """Return a backup as it is after a restore, during which it and others look unrestorable."""
    return replace(backup, status='available') if backup.status == 'restoring' else backup


class _Examination:
    """The backups of one volume."""

    def __init__(self, volume: Volume, known: _Known, policy: Policy) -> None:
        self._volume = volume
        self._known = known
        self._policy = policy
        self._now = known.now
        self._all = known.backups_of[volume.id]
        self._counted = [*filter(policy.counts, self._all)] if policy.is_selective else self._all
        self._restorable = [each for each in self._counted if each.id in known.graph.restorable]
        self._latest = max(
            (each for each in self._counted if each.status in _GOOD), key=_newness, default=None
        )
        self._newest = self._find_newest()
        self._age = self._now - _data_time(self._newest) if self._newest else None
        made = volume.created
        self._is_young = made is not None and self._now - made <= policy.max_age
        self._chain = self._longest_chain()

    def _find_newest(self) -> Backup | None:
        """Return the newest restorable backup, one in the future only if there is no other."""
        latest = self._latest
        if latest is None or (self._is_restorable and not self._is_in_future(latest)):
            return latest
        past = [each for each in self._restorable if not self._is_in_future(each)]
        return max(past or self._restorable, key=_newness, default=None)

    def _longest_chain(self) -> int:
        """Return the number of backups in the longest chain that the newest may consist of."""
        if self._newest is None or not self._newest.is_incremental:
            return 0 if self._newest is None else 1
        group = self._known.graph.groups[group_of(self._newest)]
        return _chain_lengths(self._known.graph, group)[self._newest.id]

    def health(self) -> Health:
        """Return the volume with its findings."""
        return Health(
            self._volume.id,
            self._volume.name,
            self._volume.project_id,
            tuple(self._findings()),
            self._newest,
            self._age,
            self._is_restorable,
            self._chain,
            Counter(each.status or '' for each in self._counted),
            self._is_new,
        )

    @property
    def _is_restorable(self) -> bool | None:
        return None if self._latest is None else self._latest.id in self._known.graph.restorable

    @property
    def _is_new(self) -> bool:
        return self._is_young and self._newest is None

    def _is_in_future(self, backup: Backup) -> bool:
        return _data_time(backup) > self._now + _SKEW

    def _findings(self) -> Iterator[Finding]:
        for find in (
            *(self._late, self._unrestorable, self._stuck, self._stuck_snapshots),
            *(self._failed, self._slow, self._too_long, self._in_future),
        ):
            yield from find()

    def _say(self, kind: Kind, clause: str, brief: str = '') -> Finding:
        return Finding(kind, f'Volume {self._volume} {clause}.', brief)

    def _late(self) -> Iterator[Finding]:
        if self._newest is None or self._age is None:
            if not self._is_new:
                yield self._say(LATE, f'has no {self._what}', 'never')
            return
        age = format_age(max(self._age, timedelta()))
        for kind, limit in ((LATE, self._policy.max_age), (AGING, self._policy.warn_age)):
            if limit is not None and self._age > limit:
                clause = f'has no {self._what} in {format_age(limit)}: the newest is {age} old'
                yield self._say(kind, f'{clause}, {self._newest}', age)
                return

    @property
    def _what(self) -> str:
        which = f" with label '{visible(self._policy.label)}'" if self._policy.label else ''
        properties = ', '.join(visible(str(each)) for each in self._policy.properties)
        return f'restorable backup{which or (f" with {properties}" if properties else "")}'

    def _unrestorable(self) -> Iterator[Finding]:
        if self._is_restorable is False:
            clause = 'a backup that it builds on is missing or not available'
            yield self._say(
                UNRESTORABLE,
                f'cannot be restored from its newest backup, {self._latest}: {clause}',
            )

    def _stuck(self) -> Iterator[Finding]:
        making = [each for each in self._all if not each.snapshot_id]
        if self._volume.status == 'backing-up' and not any(map(self._known.is_busy, making)):
            yield self._say(STUCK, 'is in status backing-up, but no backup of it is in progress')

    def _stuck_snapshots(self) -> Iterator[Finding]:
        for snapshot in self._known.snapshots_of[self._volume.id]:
            making = [each for each in self._all if each.snapshot_id == snapshot.id]
            if snapshot.status == 'backing-up' and not any(map(self._known.is_busy, making)):
                yield Finding(
                    STUCK,
                    f'Snapshot {snapshot} of volume {self._volume} is in status backing-up, but no '
                    'backup of it is in progress.',
                )

    def _failed(self) -> Iterator[Finding]:
        since = self._newest.created if self._newest else None
        failed = creation_order(
            each
            for each in self._counted
            if each.status in _FAILED and (since is None or created(each) > since)
        )
        if failed:
            last = failed[-1]
            reason = f': {one_sentence(last.fail_reason)}' if last.fail_reason else ''
            more = f' ({len(failed)} failed in all)' if len(failed) > 1 else ''
            yield self._say(FAILED, f'has backup {last} in status {last.status}{more}{reason}')

    def _slow(self) -> Iterator[Finding]:
        limit = self._policy.max_running
        if limit is None:
            return
        for backup in creation_order(each for each in self._counted if each.status in _RUNNING):
            age = self._now - (backup.updated or created(backup))
            if age > limit:
                clause = f'has backup {backup} in status {backup.status} for {format_age(age)}'
                yield self._say(SLOW, clause, format_age(age))

    def _too_long(self) -> Iterator[Finding]:
        most = self._policy.max_chain
        if most is not None and self._newest and self._chain > most:
            yield self._say(
                CHAIN,
                f'has a chain of {self._chain} backups, but at most {most} are expected; the '
                f'newest is {self._newest}',
            )

    def _in_future(self) -> Iterator[Finding]:
        if self._latest is None or not self._is_in_future(self._latest):
            return
        for backup in creation_order(filter(self._is_in_future, self._restorable)):
            time = backup.data_timestamp or backup.created_at
            yield self._say(
                FUTURE, f'has backup {backup} with data of {time}, which is in the future'
            )


def _data_time(backup: Backup) -> datetime:
    return time_of(backup) or _LONG_AGO


def _newness(backup: Backup) -> tuple[datetime, datetime, str]:
    """Return a sort key; some databases keep whole seconds, so ties need an order."""
    return _data_time(backup), created(backup), backup.id


def _chain_lengths(graph: Graph, backups: Iterable[Backup]) -> dict[str, int]:
    """Return the number of backups in the longest possible chain of each backup, itself included.

    Of two backups that were created at the same moment, each may build on the other; here only an
    earlier one can be a parent.

    :param backups: all backups of a volume, the oldest first.
    """
    lengths: dict[str, int] = {}
    for backup in backups:
        before = (lengths.get(parent.id, 0) for parent in graph.parents(backup))
        lengths[backup.id] = 1 + max(before, default=0)
    return lengths


def _missing(seen: Seen) -> Iterator[Health]:
    for reference, reason in seen.missing:
        yield Health(None, reference, findings=(Finding(MISSING, reason),))


def _leftovers(seen: Seen, known: _Known) -> Iterator[Health]:
    """Yield the temporary volumes and snapshots of the selected volumes whose backup has ended.

    The source of a temporary volume is known only if its backup still exists.
    """
    is_selected = _selected_by(seen, known)
    things: list[Volume | Snapshot] = [*seen.listed, *seen.snapshots]
    for thing in things:
        named = _TEMPORARY.fullmatch(thing.name or '')
        if not named or thing.status == 'deleting' or not is_selected(thing, named[1]):
            continue
        backup = known.backups.get(named[1])
        if backup is None or not known.is_busy(backup):
            noun = 'volume' if isinstance(thing, Volume) else 'snapshot'
            why = f'is in status {backup.status}' if backup else 'does not exist'
            sentence = f'Temporary {noun} {thing} is left over: its backup {why}.'
            project = thing.project_id if isinstance(thing, Volume) else None
            yield Health(thing.id, thing.name, project, (Finding(LEFTOVER, sentence),))


def _selected_by(seen: Seen, known: _Known) -> Callable[[Volume | Snapshot, str], bool]:
    def is_selected(thing: Volume | Snapshot, backup_id: str) -> bool:
        if seen.is_complete:
            return True
        if isinstance(thing, Snapshot):
            return thing.volume_id in known.ids
        backup = known.backups.get(backup_id)
        return backup is not None and backup.volume_id in known.ids

    return is_selected


def _quota(seen: Seen) -> Iterator[Health]:
    """Yield a finding if one more backup of every selected volume does not fit."""
    if seen.limits is None:
        return
    limits, count = seen.limits, len(seen.volumes)
    size = sum(each.size or 0 for each in seen.volumes)
    objections = [
        *_shortage(count, limits.backups, limits.used_backups, 'backups'),
        *_shortage(size, limits.gigabytes, limits.used_gigabytes, 'GiB'),
    ]
    if objections:
        sentence = (
            'Another backup of each selected volume would exceed the quota: '
            f'{" and ".join(objections)}.'
        )
        yield Health(None, None, findings=(Finding(QUOTA, sentence),))


def _shortage(needed: int, limit: int | None, used: int, unit: str) -> Iterator[str]:
    if limit is not None and used + needed > limit:
        yield f'{needed} {unit} needed, {max(limit - used, 0)} of {limit} left'
