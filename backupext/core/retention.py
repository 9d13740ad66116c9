# SPDX-License-Identifier: Apache-2.0
"""Which backups to keep and which to delete, each with its reasons; restic's rules.

Rules are independent of each other, and what one of them keeps is kept. A bucket rule keeps the
newest backup of each of the latest N hours, days, ISO weeks, months or years that have any; while
it has slots left it keeps the oldest backup too. ``within`` is measured from the newest backup of a
volume. On top of that nothing is taken from under what stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import NamedTuple

from backupext.core import chains
from backupext.core.filters import Property
from backupext.core.models import Backup
from backupext.core.timespec import parse_instant

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)

Bucket = Callable[[datetime], tuple[int, ...]]

#: What falls into one bucket, by the rule's name.
BUCKETS: Mapping[str, Bucket] = {
    'hourly': lambda time: (time.year, time.month, time.day, time.hour),
    'daily': lambda time: (time.year, time.month, time.day),
    'weekly': lambda time: tuple(time.isocalendar()[:2]),
    'monthly': lambda time: (time.year, time.month),
    'yearly': lambda time: (time.year,),
}

PROTECTED = Property('protected', 'true')
_EXPIRES = 'expires'


@dataclass(frozen=True)
class Policy:
    """What to keep. ``counts`` and ``within_buckets`` are by the names of :data:`BUCKETS`.

    :param last: the newest so many.
    :param within: whatever is not older than that before the newest.
    :param protect: properties that keep a backup whatever the rules say.
    :param allow_empty: a volume may lose its last restorable backup.
    """

    last: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    within: timedelta | None = None
    within_buckets: Mapping[str, timedelta] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()
    ids: frozenset[str] = frozenset()
    protect: tuple[Property, ...] = (PROTECTED,)
    allow_empty: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it names nothing to keep."""
        counted = self.last or any(self.counts.values())
        spans = self.within or any(self.within_buckets.values())
        return not (counted or spans or self.properties or self.ids)


class Action(Enum):
    """What becomes of a backup."""

    KEEP = 'keep'
    DELETE = 'delete'
    SKIP = 'skip'


class Decision(NamedTuple):
    """What becomes of a backup, and why."""

    backup: Backup
    action: Action
    reasons: tuple[str, ...]


def plan(
    backups: Iterable[Backup],
    policy: Policy,
    now: datetime,
    zone: tzinfo,
    is_in_scope: Callable[[Backup], bool] = lambda _: True,
) -> list[Decision]:
    """Decide for every backup in scope.

    :param backups: all of each volume's backups, in any order, whether in scope or not: what is
        kept may need them.
    :param now: aware; only a property ``expires`` is compared with it.
    :param zone: whose calendar makes the buckets.
    :returns: decisions by project, volume and age, the newest first.
    """
    groups: dict[tuple[str, str], list[Backup]] = {}
    for backup in backups:
        groups.setdefault((backup.project_id or '', backup.volume_id or ''), []).append(backup)
    decisions = []
    for key in sorted(groups):
        decisions += _plan_group(_newest_first(groups[key]), policy, now, zone, is_in_scope)
    return decisions


def _plan_group(
    group: Sequence[Backup],
    policy: Policy,
    now: datetime,
    zone: tzinfo,
    is_in_scope: Callable[[Backup], bool],
) -> list[Decision]:
    counted = [each for each in group if is_in_scope(each) and each.status == 'available']
    counted_ids = {each.id for each in counted}
    reasons: dict[str, list[str]] = {each.id: [] for each in group}
    for rule in (_by_rules, _by_protection):
        for id_, reason in rule(counted, policy, now, zone):
            reasons[id_].append(reason)
    if not policy.allow_empty:
        _keep_one_restorable(counted, group, reasons)
    staying = [each for each in group if reasons[each.id] or each.id not in counted_ids]
    for ancestor, heir in _needed(staying, group):
        reasons[ancestor.id].append(f'needed by {heir.name or heir.id}')
    return [
        _decision(each, reasons[each.id], is_counted=each.id in counted_ids)
        for each in group
        if is_in_scope(each)
    ]


def _keep_one_restorable(
    counted: Sequence[Backup], group: Sequence[Backup], reasons: Mapping[str, list[str]]
) -> None:
    """See to it that one chain stays from which the volume can be restored, if there is any."""
    good = chains.restorable(group)
    usable = [each for each in counted if each.id in good]
    if usable and not any(reasons[each.id] for each in usable):
        reasons[usable[0].id].append('newest restorable backup of the volume')


def _decision(backup: Backup, reasons: Sequence[str], *, is_counted: bool) -> Decision:
    if not is_counted:
        return Decision(backup, Action.SKIP, (f'status {backup.status}', *reasons))
    if reasons:
        return Decision(backup, Action.KEEP, tuple(dict.fromkeys(reasons)))
    return Decision(backup, Action.DELETE, ('no rule keeps it',))


Kept = Iterable[tuple[str, str]]


def _by_rules(counted: Sequence[Backup], policy: Policy, _now: datetime, zone: tzinfo) -> Kept:
    """Give the IDs that the rules keep, with the rule; the newest backup comes first."""
    yield from ((each.id, f'last {policy.last}') for each in counted[: policy.last])
    for name, count in policy.counts.items():
        for each in _first_of_buckets(counted, BUCKETS[name], zone)[:count]:
            yield each.id, f'{name} {count}'
    if not counted:
        return
    newest = _data_time(counted[0])
    if policy.within is not None:
        since = newest - policy.within
        yield from ((each.id, 'within') for each in counted if _data_time(each) > since)
    for name, span in policy.within_buckets.items():
        for each in _first_of_buckets(counted, BUCKETS[name], zone):
            if _data_time(each) > newest - span:
                yield each.id, f'within {name}'
    for each in counted:
        yield from (
            (each.id, f'property {key.key}') for key in policy.properties if _has(each, key)
        )
        if each.id in policy.ids:
            yield each.id, 'id'


def _by_protection(counted: Sequence[Backup], policy: Policy, now: datetime, _zone: tzinfo) -> Kept:
    for each in counted:
        yield from ((each.id, 'protected') for key in policy.protect if _has(each, key))
        expires = (each.metadata or {}).get(_EXPIRES)
        if expires is not None and not _is_past(expires, now):
            yield each.id, f'expires {expires}'


def _is_past(text: str, now: datetime) -> bool:
    """Tell whether a time has passed; what is no time protects, since somebody meant something."""
    try:
        return parse_instant(text, now) <= now
    except (ValueError, OverflowError):
        return False


def _first_of_buckets(counted: Sequence[Backup], bucket: Bucket, zone: tzinfo) -> list[Backup]:
    """Give the newest backup of each bucket, and the oldest of all, in their order."""
    kept: list[Backup] = []
    last: tuple[int, ...] | None = None
    for each in counted:
        current = bucket(_data_time(each).astimezone(zone))
        if current != last or each is counted[-1]:
            kept.append(each)
        last = current
    return kept


def _needed(staying: Iterable[Backup], group: Sequence[Backup]) -> list[tuple[Backup, Backup]]:
    """Give each possible ancestor of what stays, with one that needs it."""
    needed: dict[str, tuple[Backup, Backup]] = {}
    ahead = [(each, each) for each in staying]
    while ahead:
        each, heir = ahead.pop()
        for parent in chains.possible_parents(each, group):
            if parent.id not in needed:
                needed[parent.id] = (parent, heir)
                ahead.append((parent, heir))
    return list(needed.values())


def _has(backup: Backup, wanted: Property) -> bool:
    return wanted.is_in(backup.metadata)


def _newest_first(group: Iterable[Backup]) -> list[Backup]:
    return sorted(
        group, key=lambda each: (_data_time(each), chains.created(each), each.id), reverse=True
    )


def _data_time(backup: Backup) -> datetime:
    return backup.data_time or chains.created(backup) or _LONG_AGO
