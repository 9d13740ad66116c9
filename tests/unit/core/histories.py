# SPDX-License-Identifier: Apache-2.0
"""A small model of Cinder: what happens to the backups of some volumes over time.

It chooses parents as Cinder does, and remembers them; it shows rows as the API does, without. Where
the storage is Ceph it also remembers whose data the image has that all of a volume's backups of
snapshots share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from backupext.core.models import Backup, Snapshot

BEGINNING = datetime(2026, 11, 1, 2)  # noqa: DTZ001  # as the API writes it: naive UTC
VOLUMES = ('volume-0', 'volume-0', 'volume-0', 'volume-1')
PROJECTS = ('project-0', 'project-0', 'project-0', 'project-1')
DELETABLE = ('available', 'error')

SECOND = 1_000_000
DAY = 24 * 60 * 60 * SECOND
#: Microseconds from one event to the next: nightly backups, and several things in one instant.
CALENDAR = (0, 60 * SECOND, DAY // 24, DAY, 9 * DAY)


@dataclass
class Cloud:
    """Cinder, and the time.

    :param random: what decides wherever several things may happen.
    :param precision: to how many microseconds a database cuts times.
    :param is_old: choose parents as Cinder 21 does: in any status, and refuse if the one that is
        chosen is not available.
    :param is_ceph: backups are on Ceph; otherwise a chunked driver makes them.
    :param of_snapshots: how many backups are of a snapshot, where there is one.
    :param lag: how far the clock of the backup host is behind that of the API.
    :param made: the backups that exist, by ID.
    :param parents: the truth about the incrementals among them.
    :param finished: the IDs of all that were finished, of deleted ones too.
    :param images: the ID of the backup whose data is in the shared image, by volume.
    :param sizes: the sizes of the volumes in GiB; 1 by default.
    """

    random: Random = field(repr=False)
    precision: int = 1
    is_old: bool = False
    is_ceph: bool = False
    of_snapshots: float = 0.3
    lag: timedelta = timedelta()
    now: datetime = BEGINNING
    count: int = 0
    made: dict[str, Backup] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    finished: set[str] = field(default_factory=set)
    images: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def rows(self) -> list[Backup]:
        """Return all backups as a list shows them, in any order."""
        rows = list(self.made.values())
        self.random.shuffle(rows)
        return rows

    def parent(self, id_: str) -> str | None:
        """Return the real parent."""
        return self.parents.get(id_)

    def ancestors(self, id_: str) -> set[str]:
        """Return all real dependents."""
        parent = self.parent(id_)
        return set() if parent is None else {parent, *self.ancestors(parent)}

    def descendants(self, id_: str) -> set[str]:
        """Return all real ancestors."""
        return {other for other in self.made if id_ in self.ancestors(other)}

    def delete(self, id_: str) -> bool:
        """Delete a backup, and return whether Cinder accepts it: not while a child exists."""
        accepted = self.made[id_].status in DELETABLE and not self._has_children(id_)
        if accepted:
            self._vanish(id_)
        return accepted

    def change(self, id_: str, **changes: Any) -> None:
        """Update a row and its time."""
        self.made[id_] = replace(self.made[id_], updated_at=self._time(self.lag), **changes)

    def happen(self, what: str) -> None:
        """Let an event happen, if it is possible."""
        if what == 'snapshot':
            name, volume = f'snapshot-{len(self.snapshots)}', self.random.choice(VOLUMES)
            self.snapshots.append(Snapshot(name, volume_id=volume, created_at=self._time()))
        elif what in CHANGES:
            able = [row for row in self.made.values() if self._can(what, row)]
            if able:
                self._change(what, self.random.choice(able))
        else:
            self._create(is_incremental=what == 'incremental')

    def _create(self, *, is_incremental: bool) -> None:
        volume = self.random.choice(VOLUMES)
        # Sometimes an old snapshot, so that the order of backups differs from that of their data.
        mine = [each for each in self.snapshots if each.volume_id == volume]
        is_of_one = bool(mine) and self.random.random() < self.of_snapshots
        snapshot = self.random.choice(mine) if is_of_one else None
        self.create(volume, self.random.choice(PROJECTS), snapshot, is_incremental=is_incremental)

    def create(
        self,
        volume: str,
        project: str,
        snapshot: Snapshot | None = None,
        *,
        is_incremental: bool = False,
        **attributes: Any,
    ) -> str | None:
        """Begin to create a backup, and return its ID; None if Cinder refuses."""
        time = self._time()
        row = Backup(
            # IDs are random, so their order has no meaning.
            f'{self.count * 7919 % 1009:04}',
            status='creating',
            volume_id=volume,
            project_id=project,
            size=self.sizes.get(volume, 1),
            snapshot_id=snapshot.id if snapshot else None,
            is_incremental=is_incremental,
            created_at=time,
            updated_at=time,
            data_timestamp=snapshot.created_at if snapshot else time,
            **attributes,
        )
        if is_incremental:
            parents = self.choices(row)
            if not parents:
                return None
            self.parents[row.id] = self.random.choice(parents)
        self.made[row.id] = row
        self.count += 1
        return row.id

    def finish(self, id_: str) -> None:
        """Finish a backup that is being created; it fails if the driver cannot finish it."""
        self._change('finish', self.made[id_])

    def fail(self, id_: str) -> None:
        """Let a backup that is being created fail."""
        self._change('fail', self.made[id_])

    def settle(self) -> None:
        """Let everything end that is going on, as Cinder does by itself."""
        for what in ('finish', 'restored', 'vanish'):
            for row in list(self.made.values()):
                if self._can(what, row):
                    self._change(what, row)

    def can_be_restored(self, id_: str) -> bool:
        """Return whether a backup and everything that it builds on are complete."""
        return all(self._is_complete(each) for each in (id_, *self.ancestors(id_)))

    def _is_complete(self, id_: str) -> bool:
        row = self.made[id_]
        if self.is_ceph and row.snapshot_id and self.images.get(row.volume_id or '') != id_:
            return False
        return id_ in self.finished and row.status in {'available', 'restoring'}

    def choices(self, child: Backup) -> list[str]:
        """Return what Cinder takes for a parent: several where times are equal, none to refuse."""
        rows = [
            row
            for row in self.made.values()
            if (row.volume_id, row.project_id) == (child.volume_id, child.project_id)
        ]
        able = [
            row
            for row in rows
            if (self.is_old or row.status == 'available')
            and (not child.snapshot_id or (row.data_timestamp or '') < (child.data_timestamp or ''))
        ]
        latest = max((row.data_timestamp or '' for row in able), default='')
        chosen = [row for row in able if row.data_timestamp == latest]
        if not able and child.snapshot_id:
            # All are equal to Cinder then, and it takes the first of its list, the newest.
            newest = max((row.created_at or '' for row in rows), default='')
            chosen = [row for row in rows if row.created_at == newest]
        return [row.id for row in chosen if row.status == 'available']

    def _can(self, what: str, row: Backup) -> bool:
        if what == 'delete' and self._has_children(row.id):
            return False
        # An administrator who declares a half-made backup available is beyond inference, and
        # leaves the protection of its parent to Cinder.
        is_half_made = not (row.id in self.finished or row.fail_reason)
        return row.status in CHANGES[what][0] and not (
            what == 'reset to available' and is_half_made
        )

    def _change(self, what: str, row: Backup) -> None:
        if what == 'finish' and self._cannot_finish(row):
            what = 'fail'
        changes: dict[str, Any] = {'status': CHANGES[what][1]}
        if what == 'finish':
            # Even the fastest backup does not finish at the instant in which it begins.
            self.now += timedelta(microseconds=1)
            self._finish(row)
            changes['object_count'] = 0 if self.is_ceph else 1
        elif what == 'fail':
            changes['fail_reason'] = 'disk'
            if self._has_parent_of_snapshot(row.id):
                # The driver cleans up.
                self.images.pop(row.volume_id or '', None)
        self.change(row.id, **changes)
        if what == 'vanish':
            self._vanish(row.id)

    def _finish(self, row: Backup) -> None:
        self.finished.add(row.id)
        self._count_dependents(row.id)
        if self.is_ceph and row.snapshot_id:
            self.images[row.volume_id or ''] = row.id

    def _cannot_finish(self, row: Backup) -> bool:
        """Return whether the driver fails.

        On Ceph the shared image exists, or has nothing to build on. Elsewhere the volume has grown.
        """
        if not self.is_ceph:
            parent = self.parent(row.id)
            return parent is not None and (self.made[parent].size or 0) < (row.size or 0)
        exists = bool(row.snapshot_id) and (row.volume_id or '') in self.images
        return exists or self._has_parent_of_snapshot(row.id)

    def _has_parent_of_snapshot(self, id_: str) -> bool:
        parent = self.parent(id_)
        return parent is not None and self.made[parent].snapshot_id is not None

    def _vanish(self, id_: str) -> None:
        if self.made[id_].snapshot_id or self._has_parent_of_snapshot(id_):
            # The image is removed, whichever backup its data belongs to.
            self.images.pop(self.made[id_].volume_id or '', None)
        self._count_dependents(id_)
        self.parents.pop(id_, None)
        del self.made[id_]

    def _count_dependents(self, of: str) -> None:
        """Count in the row of the parent, where there is one."""
        parent = self.parent(of)
        if parent is not None:
            self.change(parent)

    def _has_children(self, id_: str) -> bool:
        return id_ in self.parents.values()

    def _time(self, lag: timedelta = timedelta()) -> str:
        since = (self.now - lag - BEGINNING) // timedelta(microseconds=self.precision)
        time = BEGINNING + since * timedelta(microseconds=self.precision)
        return time.isoformat(timespec='microseconds')


#: Events: the statuses in which they are possible, and the status afterwards.
CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    'finish': (('creating',), 'available'),
    'fail': (('creating',), 'error'),
    'restore': (('available',), 'restoring'),
    'restored': (('restoring',), 'available'),
    'delete': (DELETABLE, 'deleting'),
    'vanish': (('deleting',), 'deleting'),
    'reset to error': (('available', 'creating', 'restoring', 'deleting'), 'error'),
    'reset to available': (('error',), 'available'),
    'rename': (('available',), 'available'),
}
# Events that build chains are likelier than events that disturb them.
EVENTS = (*['full'] * 3, 'snapshot', *['incremental'] * 8, *['finish'] * 10, *CHANGES)


@st.composite
def clouds(draw: st.DrawFn, gaps: Sequence[int] = CALENDAR, precision: int = 1) -> Cloud:
    """Draw a cloud with a history.

    :param gaps: how many microseconds may be between two events.
    """
    random = draw(st.randoms(use_true_random=False))
    cloud = Cloud(random, precision, is_old=draw(st.booleans()), is_ceph=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 60))):
        cloud.now += timedelta(microseconds=random.choice(gaps))
        cloud.happen(random.choice(EVENTS))
    return cloud


#: Several events within the second to which a database cuts.
hasty_clouds = clouds(range(30_000, 90_001), precision=SECOND)


@st.composite
def snapshot_clouds(draw: st.DrawFn) -> Cloud:
    """Draw a cloud on Ceph with a longer history, of backups of snapshots above all."""
    random = draw(st.randoms(use_true_random=False))
    cloud = Cloud(random, is_ceph=True, of_snapshots=0.7)
    for _ in range(draw(st.integers(40, 80))):
        cloud.now += timedelta(hours=12)
        cloud.happen(random.choice((*EVENTS, *['snapshot', 'full', 'delete', 'vanish'] * 3)))
    return cloud
