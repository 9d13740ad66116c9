# SPDX-License-Identifier: Apache-2.0
"""The parents of incremental backups, inferred by Cinder's rule.

Cinder never shows the parent. For an incremental backup it chooses among the volume's backups in
the user's project: the ``available`` one with the latest data timestamp. For a backup of a
snapshot, the data of the parent must be older than the snapshot. If there is no such backup, Cinder
chooses the newest backup of all, if that one is ``available``. Container, availability zone and
host do not matter. Cinder skips a backup that is not available at that moment. Releases up to
Cinder 21 skip none: if the backup with the latest data is not available, they refuse.

Cinder changes the row of a parent when a child is complete, and again when a child is deleted. So
after a deletion, a backup may seem to be the parent of every newer incremental backup that exists
then. A rotation therefore records which parent it expects; if that one is possible, it is certain.

The rule compares times of the API host and of the backup host, so their clocks must agree to within
the duration of a backup, as OpenStack requires. If they do not, or if the backup service dies
between the two writes that end a backup, the inferred parent may be wrong. No parent is deleted
because of that: Cinder refuses to delete a parent within its project, and across projects the
plugin asks Cinder for the children before each deletion.
"""

import heapq
import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from backupext.core.labels import parent_of
from backupext.core.models import Backup, Snapshot, parse_time
from backupext.core.storage import has_finished, may_be_ceph

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)

#: A project and a volume: Cinder looks for parents and for children within both.
Group = tuple[str, str]


class Graph:
    """Parents and children of backups, in any number of projects and volumes.

    :param backups: all backups of each volume in question.
    :param parents: the known parents: the parent's ID by the child's, or None if the child has no
        parent. An administrator can read them. The other parents are inferred.
    """

    def __init__(
        self, backups: Iterable[Backup], parents: Mapping[str, str | None] | None = None
    ) -> None:
        self._backups = by_id(backups)
        self._known = parents or {}
        groups: dict[Group, list[Backup]] = {}
        for backup in creation_order(self._backups.values()):
            groups.setdefault(group_of(backup), []).append(backup)
        #: Backups by project and volume, the oldest first.
        self.groups: Mapping[Group, Sequence[Backup]] = groups
        self._parents: dict[str, Sequence[Backup]] = {}
        self._children: dict[str, list[Backup]] = defaultdict(list)
        for group in groups.values():
            self._connect(group)

    def _connect(self, group: Sequence[Backup]) -> None:
        inferred = _infer(group)
        for child in group:
            parents = _without_unexpected(child, inferred.get(child.id, ()))
            if child.id in self._known:
                known = self._backups.get(self._known[child.id] or '')
                parents = (known,) if known else ()
            self._parents[child.id] = parents
            for parent in parents:
                self._children[parent.id].append(child)

    @property
    def backups(self) -> Iterable[Backup]:
        """All backups, in any order."""
        return self._backups.values()

    def parents(self, backup: Backup) -> Sequence[Backup]:
        """Return every possible parent of a backup, the likeliest first.

        A parent cannot be deleted before its child, so the true parent is among them. There are
        several if Cinder may have skipped some.
        """
        return self._parents.get(backup.id, ())

    def is_certain(self, backup: Backup) -> bool:
        """Return whether it is certain which parent a backup has, or that it has none."""
        if backup.id in self._known or not backup.is_incremental:
            return True
        return len(self.parents(backup)) == 1

    def children(self, backup: Backup) -> Sequence[Backup]:
        """Return every backup whose parent a backup may be, the oldest first."""
        return self._children.get(backup.id, ())

    def ancestors(self, backups: Iterable[Backup]) -> dict[str, Backup]:
        """Return all possible ancestors by ID, each with the first backup that may need it."""
        return _walk(backups, self.parents)

    def descendants(self, backups: Iterable[Backup]) -> dict[str, Backup]:
        """Return all possible descendants by ID, each with the first backup that it may need."""
        return _walk(backups, self.children)

    def dependents(self, backup: Backup) -> tuple[list[Backup], list[Backup]]:
        """Return what depends on a backup, directly or not: certain and possible dependents.

        A possible dependent may need another backup instead.
        """
        reached = self.descendants([backup])
        certain = self._with_certain_dependents({backup.id})
        found = creation_order(self._backups[id_] for id_ in reached)
        return (
            [each for each in found if each.id in certain],
            [each for each in found if each.id not in certain],
        )

    @cached_property
    def restorable(self) -> frozenset[str]:
        """The IDs of the restorable backups: available, with an available chain to a full backup.

        If the parent is not certain, one restorable possible parent is enough.
        """
        return self.restorable_if(_is_available)

    @cached_property
    def surely_restorable(self) -> frozenset[str]:
        """The IDs of the backups that are restorable whichever possible parent is the true one."""
        return self.surely_restorable_if(_is_available)

    def restorable_if(self, is_usable: Callable[[Backup], bool]) -> frozenset[str]:
        """Return :attr:`restorable` with another condition for each backup than ``available``."""
        ahead = self._usable_full_backups(is_usable)
        found = {each.id for each in ahead}
        while ahead:
            usable = [each for each in self.children(ahead.pop()) if is_usable(each)]
            new = [each for each in usable if each.id not in found]
            found.update(each.id for each in new)
            ahead += new
        return frozenset(found)

    def surely_restorable_if(self, is_usable: Callable[[Backup], bool]) -> frozenset[str]:
        """Return :attr:`surely_restorable` with another condition than ``available``."""
        full = {each.id for each in self._usable_full_backups(is_usable)}
        return frozenset(self._with_certain_dependents(full, is_usable))

    def _usable_full_backups(self, is_usable: Callable[[Backup], bool]) -> list[Backup]:
        return [
            each for each in self._backups.values() if is_usable(each) and not each.is_incremental
        ]

    def _with_certain_dependents(
        self, ids: set[str], accepts: Callable[[Backup], bool] = lambda _: True
    ) -> set[str]:
        """Return the IDs, and those of all backups whose possible parents are all included."""
        found = set(ids)
        ahead = list(ids)
        left: dict[str, int] = {}
        while ahead:
            for child in self._children.get(ahead.pop(), ()):
                left[child.id] = left.get(child.id, len(self._parents[child.id])) - 1
                if not left[child.id] and child.id not in found and accepts(child):
                    found.add(child.id)
                    ahead.append(child.id)
        return found

    def deletion_order(self, backups: Iterable[Backup] | None = None) -> list[Backup]:
        """Return some or all backups in an order that Cinder accepts."""
        return deletion_order(self._backups.values() if backups is None else backups)

    def after(self, backups: Iterable[Backup]) -> dict[str, set[str]]:
        """Return for each of some backups the IDs of those that must be deleted before it.

        A backup waits for the next newer incremental backup of its volume and project, and so for
        all newer ones, one after the other: any of them may need it. The result has the form that
        :class:`graphlib.TopologicalSorter` accepts.
        """
        awaited: dict[str, set[str]] = {}
        newer: dict[Group, str] = {}
        for backup in self.deletion_order(backups):
            group = group_of(backup)
            awaited[backup.id] = {newer[group]} if group in newer else set()
            if backup.is_incremental or self._known.get(backup.id):
                newer[group] = backup.id
        return awaited


def _is_available(backup: Backup) -> bool:
    return backup.status == 'available'


def _walk(
    starts: Iterable[Backup], follow: Callable[[Backup], Iterable[Backup]]
) -> dict[str, Backup]:
    """Return all backups that can be reached, by ID, each with the first start that reaches it."""
    found: dict[str, Backup] = {}
    for start in starts:
        ahead = [start]
        while ahead:
            for each in follow(ahead.pop()):
                if each.id not in found and each.id != start.id:
                    found[each.id] = start
                    ahead.append(each)
    return found


def _without_unexpected(child: Backup, parents: Sequence[Backup]) -> Sequence[Backup]:
    """Return only the parent that a rotation expected, if it is a possible one."""
    expected = parent_of(child)
    return [each for each in parents if each.id == expected] or parents


class _Row(NamedTuple):
    """A backup and its times; rows sort by data timestamp, then in the order of Cinder's lists."""

    data: datetime
    created: datetime
    id: str
    updated: datetime | None
    backup: Backup

    @classmethod
    def of(cls, backup: Backup) -> '_Row':
        updated = parse_time(backup.updated_at) if backup.updated_at else None
        data = backup.data_time or _LONG_AGO
        return cls(data, created(backup), backup.id, updated, backup)

    @property
    def limit(self) -> datetime | None:
        """The time that the parent's data must be older than: that of the snapshot, if any."""
        return self.backup.data_time if self.backup.snapshot_id else None

    def was_surely_available(self, time: datetime) -> bool:
        """Return whether the backup is available, and was last changed before a time."""
        return self.backup.status == 'available' and not self.was_touched_since(time)

    def was_touched_since(self, time: datetime) -> bool:
        """Return whether the backup may have changed since a time."""
        return self.updated is None or self.updated >= time


def _infer(group: Sequence[Backup]) -> dict[str, list[Backup]]:
    """Return the possible parents of each incremental backup of a volume and project, by ID.

    :param group: the backups of one volume and project, the oldest first.
    """
    found: dict[str, list[Backup]] = {}
    past = _Past()
    for time, instant in itertools.groupby(map(_Row.of, group), attrgetter('created')):
        rows = list(instant)
        past.advance(time, rows)
        for row in rows:
            if row.backup.is_incremental:
                found[row.id] = [parent.backup for parent in past.parents(row)]
    return found


class _Past:
    """The backups of a volume and project that existed at a time, which only advances.

    Those that were changed since then are kept separately. As a rule they are few: when a child is
    complete or deleted, Cinder counts it in its parent's row, which changes updated_at. Little else
    does.
    """

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._touched: list[_Row] = []
        self._last_touches: list[tuple[datetime, _Row]] = []
        self._instant: list[_Row] = []
        self._instant_before: list[_Row] = []

    def advance(self, time: datetime, rows: list[_Row]) -> None:
        """Advance to the next time at which backups were created."""
        self._instant_before, self._instant = self._instant, rows
        for row in rows:
            insort(self._rows, row)
            insort(self._touched, row)
            if row.updated is not None:
                heapq.heappush(self._last_touches, (row.updated, row))
        while self._last_touches and self._last_touches[0][0] < time:
            _, row = heapq.heappop(self._last_touches)
            del self._touched[bisect_left(self._touched, row)]

    def parents(self, child: _Row) -> list[_Row]:
        """Return the possible parents of a backup created at this time, the likeliest first."""
        older = self._old_enough(self._rows, child)
        younger = self._too_young(child)
        if not has_finished(child.backup):
            return [*_up_to_the_first_available(older, child), *younger]
        # A row that has not changed since the child was created is not its parent.
        touched = [
            *self._old_enough(self._touched, child),
            *(row for row in younger if row.was_touched_since(child.created)),
        ]
        return touched or [*older, *younger]

    @staticmethod
    def _old_enough(rows: Sequence[_Row], child: _Row) -> Iterator[_Row]:
        """Yield the rows whose data is old enough for a child, the latest data first."""
        limit = child.limit
        end = len(rows) if limit is None else bisect_left(rows, limit, key=attrgetter('data'))
        for index in range(end - 1, -1, -1):
            if rows[index].id != child.id:
                yield rows[index]

    def _too_young(self, child: _Row) -> list[_Row]:
        """Return what Cinder may have chosen because nothing old enough was available.

        That is the newest backup at that time, although its data is younger than the snapshot.
        """
        limit = child.limit
        if limit is None or any(
            row.was_surely_available(child.created) for row in self._old_enough(self._rows, child)
        ):
            return []
        newest = [*self._instant, *self._instant_before]
        return sorted(
            (row for row in newest if row.id != child.id and row.data >= limit),
            key=attrgetter('created', 'id'),
            reverse=True,
        )


def _up_to_the_first_available(rows: Iterable[_Row], child: _Row) -> list[_Row]:
    """Return the rows up to the first that Cinder cannot have skipped.

    If several have the same data timestamp, it is unknown which one Cinder chose.
    """
    parents: list[_Row] = []
    for _, same in itertools.groupby(rows, attrgetter('data')):
        twins = list(same)
        parents += twins
        if len(twins) == 1 and twins[0].was_surely_available(child.created):
            break
    return parents


def creation_order(backups: Iterable[Backup]) -> list[Backup]:
    """Sort backups by creation, the oldest first."""
    return sorted(backups, key=_age)


def deletion_order(backups: Iterable[Backup]) -> list[Backup]:
    """Sort backups so that each comes before its possible parents: the newest first.

    A parent was available before its child was created. Data timestamps do not show the order.
    """
    return sorted(backups, key=_age, reverse=True)


def blockers(backup: Backup, others: Iterable[Backup]) -> list[Backup]:
    """Return those that must be deleted before a backup: see :meth:`Graph.after`."""
    return [
        other
        for other in others
        if other.id != backup.id
        and other.is_incremental
        and group_of(other) == group_of(backup)
        and _age(other) > _age(backup)
    ]


def by_id(backups: Iterable[Backup]) -> Mapping[str, Backup]:
    """Index backups by ID."""
    return {backup.id: backup for backup in backups}


def group_of(backup: Backup) -> Group:
    """Return the project and the volume of a backup."""
    return backup.project_id or '', backup.volume_id or ''


def created(backup: Backup) -> datetime:
    """Return the time of creation; a backup without one counts as the oldest."""
    return backup.created or _LONG_AGO


def _age(backup: Backup) -> tuple[datetime, bool, str]:
    """Return a sort key for creation; some databases keep whole seconds, so ties need an order."""
    return created(backup), bool(backup.is_incremental), backup.id


def likeliest_parent(backups: Iterable[Backup], before: datetime | None = None) -> Backup | None:
    """Return the parent of a new incremental backup; None if Cinder would refuse.

    Cinder 21 and older may refuse nevertheless: see :func:`refused_by_older_cinder`.

    :param backups: the project's backups of the volume, in every status.
    :param before: for a backup of a snapshot, the time of the snapshot.
    """
    known = list(backups)
    available = [each for each in known if each.status == 'available']
    return _usable(_with_latest_data(available, before) or _newest(known, before))


def refused_by_older_cinder(
    backups: Iterable[Backup], before: datetime | None = None
) -> Backup | None:
    """Return the backup because of which Cinder 21 and older refuse an incremental one.

    They choose among backups in every status, and refuse if the chosen one is not available.

    :param backups: the project's backups of the volume, in every status.
    :param before: for a backup of a snapshot, the time of the snapshot.
    """
    known = list(backups)
    chosen = _with_latest_data(known, before) or _newest(known, before)
    return None if _usable(chosen) else chosen


def _usable(backup: Backup | None) -> Backup | None:
    return backup if backup is not None and backup.status == 'available' else None


def _with_latest_data(backups: Iterable[Backup], before: datetime | None) -> Backup | None:
    rows = [_Row.of(each) for each in backups]
    older = [row for row in rows if before is None or row.data < before]
    return max(older).backup if older else None


def _newest(backups: Iterable[Backup], before: datetime | None) -> Backup | None:
    """Return the parent that Cinder chooses for a backup of a snapshot if nothing is older."""
    if before is None:
        return None
    return max(backups, key=lambda each: (created(each), each.id), default=None)


def reason_for_full(
    volume_size: int | None, snapshot: Snapshot | None, backups: Iterable[Backup]
) -> str | None:
    """Return why an incremental backup would fail, as a clause; None if no reason is known.

    What only Cinder 21 and older refuse does not count: see :func:`refused_by_older_cinder`.

    :param volume_size: in GiB.
    :param snapshot: the snapshot to back up, if any.
    :param backups: the project's backups of the volume, in every status.
    """
    known = list(backups)
    before = snapshot.created if snapshot else None
    parent = likeliest_parent(known, before)
    if parent is None:
        return _why_no_parent(known, before)
    if parent.snapshot_id and may_be_ceph(known):
        return (
            f'the parent would be {parent}, and on Ceph a backup of a snapshot cannot be a parent'
        )
    if parent.size is not None and volume_size is not None and parent.size < volume_size:
        # Only the chunked drivers fail then, but it is not certain which driver the cloud has.
        return f'the volume has grown from {parent.size} to {volume_size} GiB since {parent}'
    return None


def _why_no_parent(backups: Sequence[Backup], before: datetime | None) -> str:
    newest = _newest(backups, before)
    if newest is None or not any(each.status == 'available' for each in backups):
        return 'the volume has no available backup to build on'
    return (
        'the volume has no available backup that is older than the snapshot, and its newest '
        f'backup, {newest}, is in status {newest.status}'
    )
