# SPDX-License-Identifier: Apache-2.0
"""Decide which backups to keep and which to delete, each with its reasons, by restic's rules.

Rules are independent: a backup is kept if at least one rule keeps it. A bucket rule keeps the most
recent backup of each of the last N hours, days, ISO weeks, months or years that have backups. If
there are fewer than N of them, it keeps the oldest backup too. ``within`` is measured from the most
recent backup of a volume.

Whatever a kept backup may need is kept too: its possible ancestors, and on Ceph the backups of
snapshots that share its data. The most recent restorable backup of a volume is always kept, so that
an additional rule or protection never deletes more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from typing import NamedTuple

from backupext.core import chains, storage
from backupext.core.filters import Property
from backupext.core.models import Backup
from backupext.core.timespec import parse_instant

Bucket = Callable[[datetime], tuple[int, ...]]

#: For each rule, the function that returns the bucket of a time.
BUCKETS: Mapping[str, Bucket] = {
    'hourly': lambda time: (time.year, time.month, time.day, time.hour),
    'daily': lambda time: (time.year, time.month, time.day),
    'weekly': lambda time: tuple(time.isocalendar()[:2]),
    'monthly': lambda time: (time.year, time.month),
    'yearly': lambda time: (time.year,),
}

#: This property always protects a backup.
PROTECTED = Property('protected', 'true')
_EXPIRES = 'expires'

_FAILED = frozenset({'error', 'error_deleting'})


@dataclass(frozen=True)
class Policy:
    """What to keep. The keys of ``counts`` and ``within_buckets`` are those of :data:`BUCKETS`.

    :param last: the N most recent backups.
    :param full: the N most recent full backups, each with all incremental backups that may build
        on it.
    :param within: the backups that are less than this time older than the most recent one.
    :param protect: properties that keep a backup whatever the rules say, in addition to
        :data:`PROTECTED`.
    :param allow_empty: allow deleting a volume's last restorable backup.
    :param delete_failed: delete backups in status ``error`` of at least this age.
    """

    last: int = 0
    full: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    within: timedelta | None = None
    within_buckets: Mapping[str, timedelta] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()
    ids: frozenset[str] = frozenset()
    protect: tuple[Property, ...] = ()
    allow_empty: bool = False
    delete_failed: timedelta | None = None

    def __post_init__(self) -> None:
        if PROTECTED not in self.protect:
            object.__setattr__(self, 'protect', (PROTECTED, *self.protect))

    @property
    def is_empty(self) -> bool:
        """Whether no rule keeps anything."""
        counted = self.last or self.full or any(self.counts.values())
        spans = self.within or any(self.within_buckets.values())
        return not (counted or spans or self.properties or self.ids)


class Action(Enum):
    """What happens to a backup."""

    KEEP = 'keep'
    DELETE = 'delete'
    SKIP = 'skip'


class Decision(NamedTuple):
    """What happens to a backup, and why.

    :param pinned_by: backups that are not ``available``, if they are the only reason to keep this
        one: it may be their ancestor.
    """

    backup: Backup
    action: Action
    reasons: tuple[str, ...]
    pinned_by: tuple[Backup, ...] = ()


class Pin(NamedTuple):
    """Failed backups, and the backups that are kept only because of them."""

    failed: tuple[Backup, ...]
    kept: tuple[Backup, ...]


def plan(
    backups: Iterable[Backup],
    policy: Policy,
    now: datetime,
    zone: tzinfo,
    is_in_scope: Callable[[Backup], bool] = lambda _: True,
) -> list[Decision]:
    """Decide for every backup in scope.

    :param backups: all backups of each volume, in any order. Those out of scope are needed too,
        since a kept backup may depend on them.
    :param now: aware; compared with the property ``expires`` and with the age of failed backups.
    :param zone: the time zone of the hours, days, weeks, months and years.
    :returns: decisions by project, volume and age, the newest first.
    """
    planner = _Planner(chains.Graph(backups), policy, now, zone, is_in_scope)
    planner.select()
    planner.keep_shared_data()
    return list(planner.decide())


def find_pins(decisions: Iterable[Decision]) -> list[Pin]:
    """Return what is kept only because of failed backups, grouped by those backups.

    Cinder refuses to delete a parent while a child exists, in whatever status.
    """
    pins: dict[tuple[str, ...], tuple[tuple[Backup, ...], list[Backup]]] = {}
    for backup, _, _, pinned_by in decisions:
        if pinned_by and all(each.status in _FAILED for each in pinned_by):
            key = tuple(each.id for each in pinned_by)
            pins.setdefault(key, (pinned_by, []))[1].append(backup)
    return [Pin(failed, tuple(kept)) for failed, kept in pins.values()]


Kept = Iterator[tuple[Backup, str]]


class _Planner:
    """The plan for all volumes, while it is built.

    First it collects the backups that no rule and no protection keeps. From these it removes the
    ones that a kept backup may need.
    """

    def __init__(
        self,
        graph: chains.Graph,
        policy: Policy,
        now: datetime,
        zone: tzinfo,
        is_in_scope: Callable[[Backup], bool],
    ) -> None:
        self._graph = graph
        self._policy = policy
        self._now = now
        self._zone = zone
        self._is_in_scope = is_in_scope
        self._groups = [_newest_first(graph.groups[key]) for key in sorted(graph.groups)]
        self._images = self._shared_images()
        self._reasons: dict[str, list[str]] = defaultdict(list)
        #: The reasons for deletions, by ID.
        self._deletable: dict[str, str] = {}

    def _shared_images(self) -> dict[str, list[Backup]]:
        """Return the backups of each volume that may share an image, by volume."""
        volumes: dict[str, list[Backup]] = defaultdict(list)
        for group in self._groups:
            volumes[group[0].volume_id or ''] += group
        return {
            id_: [each for each in backups if self._uses_shared_image(each)]
            for id_, backups in volumes.items()
            if storage.may_be_ceph(backups)
        }

    def _uses_shared_image(self, backup: Backup) -> bool:
        return storage.uses_shared_image(backup, self._graph.parents(backup))

    def select(self) -> None:
        """Apply the rules and the protections to each volume of each project."""
        for group in self._groups:
            scope = [each for each in group if self._is_in_scope(each)]
            counted = [each for each in scope if each.status == 'available']
            for backup, reason in self._kept(counted):
                self._reasons[backup.id].append(reason)
            if counted and not self._policy.allow_empty:
                self._keep_newest(counted)
            self._mark_deletable(counted, 'not kept by any rule')
            if self._policy.delete_failed is not None:
                self._mark_failed(scope, self._policy.delete_failed)

    def _mark_deletable(self, backups: Iterable[Backup], reason: str) -> None:
        self._deletable.update((each.id, reason) for each in backups if not self._reasons[each.id])

    def _kept(self, counted: Sequence[Backup]) -> Kept:
        yield from _by_number(counted, self._policy)
        yield from _by_full_backup(counted, self._policy.full, self._graph)
        yield from _by_bucket(counted, self._policy, self._zone)
        yield from _by_span(counted, self._policy, self._zone)
        yield from _by_name(counted, self._policy)
        yield from _by_protection(counted, self._policy, self._now)

    def _keep_newest(self, counted: Sequence[Backup]) -> None:
        """Keep the most recent restorable backup of a volume, as far as that is known.

        This does not depend on what else is kept: an additional rule must not delete this backup.
        """
        kept = list(_newest_restorable(counted, self._graph))
        for backup, reason in kept or [
            (counted[0], 'newest available backup (none known to be restorable)')
        ]:
            if not self._reasons[backup.id]:
                self._reasons[backup.id].append(reason)

    def _mark_failed(self, scope: Iterable[Backup], age: timedelta) -> None:
        failed = [
            each
            for each in scope
            if each.status == 'error' and each.created and self._has_age(each.created, age)
        ]
        for backup, reason in (
            *_by_name(failed, self._policy),
            *_by_protection(failed, self._policy, self._now),
            *self._by_shared_data(failed),
        ):
            self._reasons[backup.id].append(reason)
        self._mark_deletable(failed, f'failed, at least {_brief(age)} old')

    def _has_age(self, created: datetime, age: timedelta) -> bool:
        """Return whether this time has passed: 0 always has; the cloud's time has whole seconds."""
        return not age or self._now - created >= age

    def _by_shared_data(self, failed: Sequence[Backup]) -> Kept:
        users = self._images.get(failed[0].volume_id or '', ()) if failed else ()
        owner = next(filter(storage.is_in_shared_image, users), None)
        if owner:
            ids = {each.id for each in users}
            yield from ((each, _shares_data(owner)) for each in failed if each.id in ids)

    def keep_shared_data(self) -> None:
        """Keep all of a volume's backups of snapshots, or none, if it may be on Ceph."""
        needed = self._graph.ancestors(each for each in self._all if each.id not in self._deletable)
        for users in self._images.values():
            doomed = [
                each for each in users if each.id in self._deletable and each.id not in needed
            ]
            ids = {each.id for each in doomed}
            kept = (each for each in users if each.id not in ids)
            owner = next(filter(storage.is_in_shared_image, kept), None)
            if owner:
                for backup in doomed:
                    del self._deletable[backup.id]
                    self._reasons[backup.id].append(_shares_data(owner))

    @property
    def _all(self) -> Iterator[Backup]:
        return (backup for group in self._groups for backup in group)

    def decide(self) -> Iterator[Decision]:
        """Yield the decisions; all backups that a kept backup may need are kept too."""
        kept = [each for each in reversed(list(self._all)) if each.id not in self._deletable]
        good = [each for each in kept if each.status == 'available']
        others = [each for each in kept if each.status != 'available']
        needed = self._graph.ancestors([*good, *others])
        pins = self._pins(others, needed)
        for backup in self._all:
            if self._is_in_scope(backup):
                yield self._decision(backup, needed.get(backup.id), pins.get(backup.id, ()))

    def _pins(
        self, others: Iterable[Backup], needed: Mapping[str, Backup]
    ) -> Mapping[str, tuple[Backup, ...]]:
        """Return what only unavailable backups need, by ID, with those unavailable backups."""
        pins: dict[str, tuple[Backup, ...]] = {
            id_: ()
            for id_, dependent in needed.items()
            if id_ in self._deletable and dependent.status != 'available'
        }
        for dependent in others if pins else ():
            for id_ in self._graph.ancestors([dependent]):
                if id_ in pins:
                    pins[id_] += (dependent,)
        return pins

    def _decision(
        self, backup: Backup, dependent: Backup | None, pinned_by: tuple[Backup, ...]
    ) -> Decision:
        reasons = tuple(dict.fromkeys(self._reasons[backup.id]))
        if dependent is not None:
            reasons = (*reasons, _needed_by(dependent))
        if backup.status != 'available':
            if backup.id not in self._deletable or dependent is not None:
                skipped = (f'status {backup.status}', *reasons)
                return Decision(backup, Action.SKIP, skipped, pinned_by)
        elif reasons:
            return Decision(backup, Action.KEEP, reasons, pinned_by)
        return Decision(backup, Action.DELETE, (self._deletable[backup.id],))


def _needed_by(dependent: Backup) -> str:
    text = f'needed by {_name(dependent)}'
    return (
        text
        if dependent.status == 'available'
        else f'{text}, which is in status {dependent.status}'
    )


def _shares_data(backup: Backup) -> str:
    return f'may share data with {_name(backup)} (Ceph)'


def _name(backup: Backup) -> str:
    return backup.name or backup.id


def _by_number(counted: Sequence[Backup], policy: Policy) -> Kept:
    yield from ((each, f'last {policy.last}') for each in counted[: policy.last])


def _by_full_backup(counted: Sequence[Backup], number: int, graph: chains.Graph) -> Kept:
    full = [each for each in counted if not each.is_incremental][:number]
    yield from ((each, f'full {number}') for each in full)
    on_top = graph.descendants(full)
    for each in counted:
        if each.id in on_top:
            yield each, f'full {number} (builds on {_name(on_top[each.id])})'


def _by_bucket(counted: Sequence[Backup], policy: Policy, zone: tzinfo) -> Kept:
    for name, count in policy.counts.items():
        for each, note in _first_of_buckets(counted, BUCKETS[name], zone)[:count]:
            yield each, f'{name} {count}{note}'


def _by_span(counted: Sequence[Backup], policy: Policy, zone: tzinfo) -> Kept:
    if not counted:
        return
    newest = _data_time(counted[0])
    if policy.within is not None:
        recent = (each for each in counted if newest - _data_time(each) < policy.within)
        yield from ((each, 'within') for each in recent)
    for name, span in policy.within_buckets.items():
        for each, note in _first_of_buckets(counted, BUCKETS[name], zone):
            if newest - _data_time(each) < span:
                yield each, f'within {name}{note}'


def _by_name(backups: Iterable[Backup], policy: Policy) -> Kept:
    for each in backups:
        for wanted in policy.properties:
            if wanted.is_in(each.metadata):
                yield each, f'property {wanted.key}'
        if each.id in policy.ids:
            yield each, 'id'


def _by_protection(backups: Iterable[Backup], policy: Policy, now: datetime) -> Kept:
    for each in backups:
        reason = find_protection(each, now, policy.protect)
        if reason:
            yield each, reason


def find_protection(
    backup: Backup, now: datetime, protect: Iterable[Property] = (PROTECTED,)
) -> str | None:
    """Return why a backup must not be deleted unless it is named; None if nothing protects it.

    :param now: aware; compared with the property ``expires``.
    :param protect: properties that protect a backup.
    """
    if any(wanted.is_in(backup.metadata) for wanted in protect):
        return 'protected'
    expires = (backup.metadata or {}).get(_EXPIRES)
    return f'expires {expires}' if expires is not None and not _is_past(expires, now) else None


def _newest_restorable(counted: Iterable[Backup], graph: chains.Graph) -> Kept:
    """Yield the most recent that is certainly restorable, and the most recent that may be."""
    for ids, reason in (
        (graph.surely_restorable, 'newest restorable backup of the volume'),
        (graph.restorable, 'newest backup of the volume that may be restorable'),
    ):
        yield from [(each, reason) for each in counted if each.id in ids][:1]


def _is_past(text: str, now: datetime) -> bool:
    """Return whether a time has passed; text that is not a time has not, so it protects."""
    try:
        return parse_instant(text, now) <= now
    except (ValueError, OverflowError):
        return False


def _first_of_buckets(
    counted: Sequence[Backup], bucket: Bucket, zone: tzinfo
) -> list[tuple[Backup, str]]:
    """Return the most recent backup of each bucket, and the oldest backup with a note."""
    kept: list[tuple[Backup, str]] = []
    last: tuple[int, ...] | None = None
    for each in counted:
        current = bucket(_data_time(each).astimezone(zone))
        if current != last:
            kept.append((each, ''))
        elif each is counted[-1]:
            kept.append((each, ' (oldest)'))
        last = current
    return kept


def _newest_first(group: Iterable[Backup]) -> list[Backup]:
    return sorted(
        group, key=lambda each: (_data_time(each), chains.created(each), each.id), reverse=True
    )


def _data_time(backup: Backup) -> datetime:
    return backup.data_time or chains.created(backup)


def _brief(span: timedelta) -> str:
    """Format an age as on the command line, such as ``7d`` or ``1d12h``."""
    hours, seconds = divmod(int(span.total_seconds()), 60 * 60)
    parts = (*divmod(hours, 24), *divmod(seconds, 60))
    units = zip(parts, 'dhms', strict=True)
    return ''.join(f'{number}{unit}' for number, unit in units if number) or '0s'
