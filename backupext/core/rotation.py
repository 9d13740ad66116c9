# SPDX-License-Identifier: Apache-2.0
"""A rotation: which volumes to back up, in which order, how, and what to delete afterwards.

A rotation has a label, which its backups carry as a property (see :mod:`backupext.core.labels`).
Cinder chains all backups of a volume in a project, whichever job created them. So the decision
between a full and an incremental backup considers all of them, while retention rules count only
those with the label.

All times are compared by Cinder's ``created_at``. If a clock was wrong, a backup may seem to be
from the future. Its age is negative then: it is not old. It is recent only if it is ahead by less
than ``skip_newer_than``, so that a wrong clock never stops a rotation for longer than that.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import NamedTuple

from backupext.core import chains, naming, retention, storage
from backupext.core.labels import label_of, origin_of
from backupext.core.models import Backup, Volume
from backupext.core.quota import Limits

DEFAULT_NAME_FORMAT = '{volume}-{date}T{time}'

#: The fields of a name format.
NAME_FIELDS = ('volume', 'volume_id', 'label', 'kind', 'date', 'time')
_WEEKDAYS = ('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday')

#: Cinder leaves these statuses of a volume by itself, so trying again later may help.
_PASSING = frozenset(
    {
        *('attaching', 'backing-up', 'creating', 'detaching', 'downloading', 'extending'),
        *('managing', 'restoring-backup', 'retyping', 'uploading'),
    }
)
_GONE = frozenset({'deleted', 'deleting'})
_RUNNING = frozenset({'creating', 'restoring'})

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)

# From this many volumes on, full backups are spread evenly. Fewer volumes are spread by chance,
# so that another volume does not move the others.
_MANY = 100
_HASH_BYTES = 8

# The longest history that a steady state is computed from.
_MOST_NIGHTS = 5_000
# For so long after it, the number of backups is watched: a month of nights.
_WATCHED_NIGHTS = 31


class Policy(NamedTuple):
    """How to back up the volumes of a rotation.

    :param full_every: no incremental backup builds on a full one of at least this age. Each volume
        has its own turn within this period. Ignored if ``full_on`` is given.
    :param full_on: ISO weekdays (Monday is 1) of full backups.
    :param max_chain: the most backups of a chain, including the full one; 1 is always full.
    :param skip_newer_than: do not back up a volume that has a newer restorable backup.
    :param force: back up volumes in use too.
    :param container: the container that is requested for the backups.
    """

    label: str
    full_every: timedelta = timedelta(days=7)
    full_on: frozenset[int] = frozenset()
    max_chain: int | None = None
    skip_newer_than: timedelta | None = None
    force: bool = False
    container: str | None = None


class Action(Enum):
    """What a run does with a volume."""

    BACK_UP = 'back up'
    #: A restorable backup of the label is recent enough.
    RECENT = 'recent'
    #: A backup of the label is being created: wait for it.
    ADOPT = 'adopt'
    #: Something else is going on: decide again later.
    BUSY = 'busy'
    QUOTA = 'quota'
    FAIL = 'fail'
    GONE = 'gone'


class Step(NamedTuple):
    """What a run does with a volume, and why.

    :param reason: a clause for people.
    :param is_incremental: the kind of the backup to create.
    :param backup: the backup that is recent enough, or being created.
    :param parent: the backup on which Cinder will build the incremental one.
    :param offset: when it is the volume's turn for a full backup, as in :func:`stagger`; to pass to
        :func:`decide` if the volume is decided on again.
    """

    volume: Volume
    action: Action
    reason: str
    is_incremental: bool = False
    backup: Backup | None = None
    parent: Backup | None = None
    offset: timedelta | None = None


def plan(
    volumes: Iterable[Volume],
    backups: Iterable[Backup],
    policy: Policy,
    limits: Limits,
    now: datetime,
    zone: tzinfo,
) -> list[Step]:
    """Decide on every volume, in the order in which to back them up.

    The volume that has been without an available backup of the label for the longest time comes
    first. A backup that exceeds the quota is not created, but smaller ones after it may be.

    :param volumes: the selected ones; one that is listed twice counts once.
    :param backups: all backups of the user's project, of every label, in any order.
    :param now: aware, the cloud's time.
    :param zone: the time zone of the weekdays.
    """
    known = _by_volume(backups)
    chosen = {each.id: each for each in volumes}
    offsets = spread(chosen, policy.full_every)
    order = sorted(
        chosen.values(), key=lambda each: _last_success(known.get(each.id, ()), policy.label)
    )
    steps = [
        decide(each, known.get(each.id, ()), policy, now, zone, offsets[each.id]) for each in order
    ]
    return list(_within(limits, steps))


def decide(
    volume: Volume,
    backups: Sequence[Backup],
    policy: Policy,
    now: datetime,
    zone: tzinfo,
    offset: timedelta | None = None,
) -> Step:
    """Decide on one volume, without regard to the quota.

    :param backups: all backups of the volume in the user's project, of every label.
    :param offset: the volume's turn for a full backup; computed from its ID by default.
    """
    if offset is None:
        offset = stagger(volume.id, policy.full_every)
    return _Case(volume, backups, policy, now, zone, offset).decide()


def _by_volume(backups: Iterable[Backup]) -> Mapping[str, Sequence[Backup]]:
    """Return the backups of each volume, by the volume's ID."""
    found: dict[str, list[Backup]] = defaultdict(list)
    for backup in backups:
        found[backup.volume_id or ''].append(backup)
    return found


def _last_success(backups: Iterable[Backup], label: str) -> datetime:
    """Return when the newest available backup of a label was created; long ago without one."""
    made = (
        chains.created(each)
        for each in backups
        if each.status == 'available' and label_of(each) == label
    )
    return max(made, default=_LONG_AGO)


def _within(limits: Limits, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps, without creating what the quota does not allow."""
    for step in steps:
        size = step.volume.size or 0
        objection = limits.find_objection(size) if step.action is Action.BACK_UP else None
        if objection:
            yield step._replace(action=Action.QUOTA, reason=objection)
            continue
        if step.action is Action.BACK_UP:
            limits = limits.with_one_more(size)
        yield step


class _Case:
    """One volume and its backups, while the step is decided."""

    def __init__(
        self,
        volume: Volume,
        backups: Sequence[Backup],
        policy: Policy,
        now: datetime,
        zone: tzinfo,
        offset: timedelta,
    ) -> None:
        self._volume = volume
        self._backups = backups
        self._policy = policy
        self._now = now
        self._zone = zone
        self._offset = offset
        self._graph = _settled_graph(backups)

    def decide(self) -> Step:
        """Return the first step that applies."""
        return self._adopt() or self._skip_recent() or self._wait_or_refuse() or self._create()

    def _step(self, action: Action, reason: str, backup: Backup | None = None) -> Step:
        return Step(self._volume, action, reason, backup=backup, offset=self._offset)

    def _adopt(self) -> Step | None:
        """Adopt a backup that is being created, so that it is not created twice."""
        running = [each for each in self._own if each.status == 'creating']
        if not running:
            return None
        newest = chains.creation_order(running)[-1]
        return self._step(Action.ADOPT, f'{newest} is being created already', newest)

    @property
    def _own(self) -> Iterator[Backup]:
        return (each for each in self._backups if label_of(each) == self._policy.label)

    def _skip_recent(self) -> Step | None:
        limit = self._policy.skip_newer_than
        if limit is None:
            return None
        recent = [
            each
            for each in self._own
            if each.status in {'available', 'restoring'}
            and each.id in self._graph.restorable
            and abs(self._now - chains.created(each)) < limit
        ]
        if not recent:
            return None
        newest = chains.creation_order(recent)[-1]
        age = self._now - chains.created(newest)
        which = 'old' if age >= timedelta() else 'ahead of the clock'
        return self._step(Action.RECENT, f'{newest} is {_in_words(age)} {which}', newest)

    def _wait_or_refuse(self) -> Step | None:
        """Return what to do if Cinder would refuse to back up the volume in its status."""
        status = self._volume.status
        if status in _GONE:
            return self._step(Action.GONE, 'the volume is being deleted')
        creating = [each for each in self._backups if _is_of_volume_now(each)]
        if creating:
            return self._step(Action.BUSY, f'{creating[0]} is being created')
        if status in _PASSING:
            return self._step(Action.BUSY, f'the volume is in status {status}')
        if status == 'in-use' and not self._policy.force:
            return self._step(
                Action.FAIL, 'the volume is in use; use --force to back up volumes in use'
            )
        if status not in {None, 'available', 'in-use'}:
            return self._step(Action.FAIL, f'the volume is in status {status}')
        return None

    def _create(self) -> Step:
        reason = self._why_no_parent()
        if reason is None:
            newest = chains.refused_by_older_cinder(self._backups)
            if newest is not None and newest.status in _RUNNING:
                doing = {'restoring': 'restored', 'creating': 'created'}[newest.status or '']
                return self._step(
                    Action.BUSY, f'{newest}, on which the backup would build, is being {doing}'
                )
            reason = next(self._reasons_for_full(newest), None)
        if reason is not None:
            return self._step(Action.BACK_UP, reason)
        parent = self._parents[0]
        step = self._step(Action.BACK_UP, f'it builds on {parent.name or parent.id}')
        return step._replace(is_incremental=True, parent=parent)

    def _why_no_parent(self) -> str | None:
        """Return why a full backup is necessary whatever happens to the parent."""
        reason = chains.reason_for_full(self._volume.size, None, self._backups)
        if reason is None and self._policy.max_chain == 1:
            return 'every backup is full (--max-chain 1)'
        return reason

    @property
    def _parents(self) -> Sequence[Backup]:
        """The parents that Cinder may choose, the likeliest first.

        There are several only if their data has the same timestamp.
        """
        likeliest = chains.likeliest_parent(self._backups)
        if likeliest is None:
            return ()
        others = (
            each
            for each in self._backups
            if each.status == 'available'
            and each.data_time == likeliest.data_time
            and each.id != likeliest.id
        )
        return (likeliest, *others)

    def _reasons_for_full(self, newest: Backup | None) -> Iterator[str]:
        """Yield why not to build on the parent that Cinder would choose.

        :param newest: the backup because of which Cinder 21 would refuse, if any.
        """
        parents = self._parents
        ids = {*(each.id for each in parents), *self._graph.ancestors(parents)}
        chain = [each for each in self._backups if each.id in ids]
        yield from self._why_not_restorable(parents, chain)
        yield from self._why_failed(parents)
        if newest is not None:
            yield f'{newest}, the newest backup, is in status {newest.status}'
        yield from self._why_elsewhere(parents)
        full = (chains.created(each) for each in chain if not each.is_incremental)
        oldest = min(full, default=_LONG_AGO)
        yield from _why_new_chain(
            len(chain), oldest, self._policy, self._now, self._zone, self._offset
        )

    def _why_not_restorable(
        self, parents: Iterable[Backup], chain: Sequence[Backup]
    ) -> Iterator[str]:
        for parent in parents:
            if parent.id not in self._graph.surely_restorable:
                yield f'the parent would be {parent}, which may not be restorable'
            if parent.snapshot_id and storage.may_be_ceph(self._backups):
                yield f'the parent may be {parent}, a backup of a snapshot'
        for each in chain:
            if each.fail_reason:
                yield f'the parent would depend on {each}, which failed once'

    def _why_failed(self, parents: Iterable[Backup]) -> Iterator[str]:
        """Yield if the newest attempt was to build on the same parent, and failed."""
        attempts = chains.creation_order(self._own)
        if not attempts or attempts[-1].status not in {'error', 'error_deleting'}:
            return
        failed = attempts[-1]
        tried = {each.id for each in self._graph.parents(failed)}
        if tried & {each.id for each in parents}:
            yield f'the incremental backup {failed} failed'

    def _why_elsewhere(self, parents: Iterable[Backup]) -> Iterator[str]:
        """Yield if the backup would be in another place than its parent."""
        for parent in parents:
            container = self._policy.container
            if container is not None and parent.container not in {None, container}:
                yield f'{parent} is in container {parent.container}'
            # The zone of a backup is that of the backup service, which need not be the volume's.
            zone = origin_of(parent).availability_zone or parent.availability_zone
            if zone and self._volume.availability_zone not in {None, zone}:
                yield f'{parent} is from availability zone {zone}'


def _settled_graph(backups: Iterable[Backup]) -> chains.Graph:
    """Return the graph as it is when all that is being restored is available again."""
    return chains.Graph(
        replace(each, status='available') if each.status == 'restoring' else each
        for each in backups
    )


def _is_of_volume_now(backup: Backup) -> bool:
    """Return whether a volume is being backed up; a backup of a snapshot does not occupy it."""
    return backup.status == 'creating' and not backup.snapshot_id


def _why_new_chain(
    length: int, began: datetime, policy: Policy, now: datetime, zone: tzinfo, offset: timedelta
) -> Iterator[str]:
    """Yield why the policy does not allow extending a chain.

    :param length: the number of backups in the longest possible chain.
    :param began: when its oldest possible full backup was created.
    """
    if policy.max_chain is not None and length >= policy.max_chain:
        yield f'the chain has {length} backups (--max-chain {policy.max_chain})'
    if policy.full_on:
        today = now.astimezone(zone)
        if today.isoweekday() in policy.full_on and began.astimezone(zone).date() != today.date():
            yield f'full backups are due on {_WEEKDAYS[today.isoweekday() - 1]}s'
        return
    age = now - began
    if policy.full_every <= timedelta() or age >= policy.full_every:
        yield f'the oldest full backup is {_in_words(age)} old'
    elif now - (now - _EPOCH - offset) % policy.full_every > began:
        yield (
            f'the oldest full backup is {_in_words(age)} old; full backups are spread over time, '
            'and this volume is due'
        )


def _in_words(span: timedelta) -> str:
    """Format an age in its largest unit that has at least two, such as ``8 days``."""
    seconds = int(abs(span).total_seconds())
    for unit, length in (('day', 24 * 60 * 60), ('hour', 60 * 60), ('minute', 60)):
        if seconds >= 2 * length:
            return f'{seconds // length} {unit}s'
    return f'{seconds} seconds'


def stagger(volume_id: str, period: timedelta) -> timedelta:
    """Return when within a period it is a volume's turn for a full backup."""
    return period * (_hash('full', volume_id) / (1 << 8 * _HASH_BYTES))


def spread(volume_ids: Iterable[str], period: timedelta) -> Mapping[str, timedelta]:
    """Return when within a period it is each volume's turn for a full backup.

    The turns of many volumes are equally far from each other, in the order of :func:`stagger`. So
    every night has the same number of full backups.
    """
    order = sorted(volume_ids, key=lambda id_: (_hash('full', id_), id_))
    if len(order) < _MANY:
        return {id_: stagger(id_, period) for id_ in order}
    return {id_: period * ((rank + 0.5) / len(order)) for rank, id_ in enumerate(order)}


def in_shard(volume_id: str, index: int, count: int) -> bool:
    """Return whether a volume is in a part of all volumes.

    :param index: the number of the part, from 1 to ``count``.
    """
    return _hash('shard', volume_id) % count == index - 1


def _hash(purpose: str, volume_id: str) -> int:
    """Return a number that is the same everywhere, and independent for each purpose."""
    digest = hashlib.sha256(f'{purpose}:{volume_id}'.encode()).digest()
    return int.from_bytes(digest[:_HASH_BYTES], 'big')


def find_obsolete(
    backups: Sequence[Backup],
    made: Backup,
    label: str,
    keep: retention.Policy | None,
    now: datetime,
    zone: tzinfo,
) -> list[retention.Decision]:
    """Return what to delete when a volume has a new backup, in an order that Cinder accepts.

    Retention rules count only backups of the label. Its failed backups are deleted too, except on
    Ceph if that might delete the data of a backup of a snapshot. Nothing is deleted unless the new
    backup is the newest attempt of the label, available and surely restorable.

    :param backups: all backups of the volume as they are now, of every label.
    :param keep: what to keep; without it nothing is deleted.
    """
    if keep is None or not _is_success(backups, made, label):
        return []
    group = chains.group_of(made)
    keeps_failed = storage.may_be_ceph(backups) and any(map(storage.is_in_shared_image, backups))

    def is_in_scope(backup: Backup) -> bool:
        is_own = chains.group_of(backup) == group and label_of(backup) == label
        return is_own and not (keeps_failed and backup.status != 'available')

    policy = replace(
        keep,
        ids=keep.ids | {made.id},
        delete_failed=timedelta() if keep.delete_failed is None else keep.delete_failed,
    )
    decisions = {
        each.backup.id: each
        for each in retention.plan(backups, policy, now, zone, is_in_scope)
        if each.action is retention.Action.DELETE
    }
    order = chains.deletion_order(backups)
    return [_tell(decisions[each.id]) for each in order if each.id in decisions]


def _tell(decision: retention.Decision) -> retention.Decision:
    """Return a decision with the reason that a rotation has to delete a failed backup."""
    if decision.backup.status == 'available':
        return decision
    return decision._replace(reasons=('failed, older than the new backup',))


def _is_success(backups: Sequence[Backup], made: Backup, label: str) -> bool:
    """Return whether a backup is the newest attempt of a label, and worked."""
    attempts = [
        each
        for each in backups
        if chains.group_of(each) == chains.group_of(made) and label_of(each) == label
    ]
    found = chains.by_id(attempts).get(made.id)
    if found is None or found.status != 'available':
        return False
    if any(
        each.id != made.id and chains.created(each) >= chains.created(found) for each in attempts
    ):
        return False
    return found.id in _settled_graph(backups).surely_restorable


def find_orphans(backups: Iterable[Backup], volumes: Iterable[Volume], label: str) -> list[Backup]:
    """Return the backups of a label whose volume no longer exists, the oldest first.

    :param volumes: all volumes, not only the selected ones.
    """
    ids = {each.id for each in volumes}
    own = (each for each in backups if label_of(each) == label)
    return chains.creation_order(each for each in own if each.volume_id not in ids)


def format_name(
    format_: str, volume: Volume, label: str, kind: str, now: datetime, zone: tzinfo
) -> str:
    """Return the name of a new backup; if it is too long, the volume's name is shortened.

    A volume without a name is called by its ID.

    :param kind: ``full`` or ``incremental``.
    :raises ValueError: the format is not well-formed, or has an unknown field.
    """
    time = now.astimezone(zone)
    return naming.fill(
        naming.check_format(format_, NAME_FIELDS),
        volume.name or volume.id,
        volume_id=volume.id,
        label=label,
        kind=kind,
        date=f'{time:%Y-%m-%d}',
        time=f'{time:%H:%M:%S}',
    )


class Need(NamedTuple):
    """What a policy needs of the quota when it has run for long; ``gigabytes`` is in GiB."""

    backups: int
    gigabytes: int


def steady_state(
    volumes: Iterable[Volume],
    policy: Policy,
    keep: retention.Policy | None,
    now: datetime,
    zone: tzinfo,
    interval: timedelta = timedelta(days=1),
) -> Need | None:
    """Return the most that the backups of a rotation will need of the quota.

    This is before the oldest backups are deleted. Not all volumes need the most on the same night,
    so a little less may do. Without retention rules the need has no limit, and the result is None.

    :param interval: the time from one run to the next.
    """
    if keep is None:
        return None
    most = _most_backups(policy, keep, now, zone, interval)
    sizes = [each.size or 0 for each in volumes]
    return Need(most * len(sizes), most * sum(sizes))


def _most_backups(
    policy: Policy, keep: retention.Policy, now: datetime, zone: tzinfo, interval: timedelta
) -> int:
    """Return the most backups that a volume has in a month, after a long time of quiet nights."""
    past = min(_reach(policy, keep, interval) // interval + 1, _MOST_NIGHTS)
    start = now - (past + _WATCHED_NIGHTS) * interval
    backups: list[Backup] = []
    most = length = 0
    began = _LONG_AGO
    for night in range(past + _WATCHED_NIGHTS):
        time = start + night * interval
        if night >= past:
            backups = _kept(backups, keep, time - interval, zone)
        if not backups or any(_why_new_chain(length, began, policy, time, zone, timedelta())):
            length, began = 0, time
        length += 1
        _append_night(backups, time, is_incremental=length > 1)
        if night >= past:
            most = max(most, len(backups))
    return most


def _append_night(backups: list[Backup], time: datetime, *, is_incremental: bool) -> None:
    """Append a backup as Cinder would show it; it counts an incremental one in its parent."""
    stamp = time.isoformat()
    if is_incremental:
        backups[-1] = replace(backups[-1], updated_at=stamp)
    backups.append(
        Backup(
            stamp,
            status='available',
            is_incremental=is_incremental,
            object_count=1,
            created_at=stamp,
            data_timestamp=stamp,
            updated_at=stamp,
        )
    )


def _kept(
    backups: Iterable[Backup], keep: retention.Policy, now: datetime, zone: tzinfo
) -> list[Backup]:
    decisions = retention.plan(backups, keep, now, zone)
    kept = (each.backup for each in decisions if each.action is not retention.Action.DELETE)
    return chains.creation_order(kept)


_LENGTHS: Mapping[str, timedelta] = {
    'hourly': timedelta(hours=1),
    'daily': timedelta(days=1),
    'weekly': timedelta(days=7),
    'monthly': timedelta(days=31),
    'yearly': timedelta(days=366),
}


def _reach(policy: Policy, keep: retention.Policy, interval: timedelta) -> timedelta:
    """Return how old backups can become."""
    chain = timedelta(days=7) if policy.full_on else policy.full_every
    if policy.max_chain is not None:
        chain = min(chain, policy.max_chain * interval)
    rules = [
        keep.last * interval,
        keep.full * max(chain, interval),
        keep.within or timedelta(),
        *keep.within_buckets.values(),
        *(count * max(_LENGTHS[name], interval) for name, count in keep.counts.items()),
    ]
    return max(rules) + 2 * chain
