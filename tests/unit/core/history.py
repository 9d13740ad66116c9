# SPDX-License-Identifier: Apache-2.0
"""A small model of Cinder: what happens to the backups of some volumes over time.

It chooses parents as Cinder does, and remembers them; it shows rows as the API does, without.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from hypothesis import strategies as st

from backupext.core.models import Backup

BEGINNING = datetime(2026, 11, 1, 2)  # noqa: DTZ001  # as the API writes it: naive UTC
VOLUMES = ('volume-0', 'volume-0', 'volume-0', 'volume-1')
PROJECTS = ('project-0', 'project-0', 'project-0', 'project-1')
DELETABLE = ('available', 'error')
#: How many backups are of a snapshot, where there is one.
SNAPSHOTS = 0.3


@dataclass
class Kept:
    """A backup as Cinder's database has it."""

    id: str
    volume: str
    project: str
    created: datetime
    data: datetime
    updated: datetime
    parent: 'Kept | None' = None
    snapshot: str | None = None
    status: str = 'creating'
    reason: str | None = None
    finished: bool = False
    gone: bool = False


@dataclass
class History:
    """Cinder, and the time.

    :param random: what decides wherever several things may happen.
    :param precision: to how many microseconds a database cuts times.
    """

    random: Random
    precision: int = 1
    now: datetime = BEGINNING
    backups: list[Kept] = field(default_factory=list)
    snapshots: list[tuple[str, str, datetime]] = field(default_factory=list)

    @property
    def existing(self) -> list[Kept]:
        return [backup for backup in self.backups if not backup.gone]

    def children(self, of: Kept) -> list[Kept]:
        return [backup for backup in self.existing if backup.parent is of]

    def descendants(self, of: Kept) -> list[Kept]:
        found = self.children(of)
        for child in found:
            found += self.children(child)
        return found

    def rows(self) -> list[Backup]:
        """Show all as a list does, in any order."""
        rows = [self.row(backup) for backup in self.existing]
        self.random.shuffle(rows)
        return rows

    def find(self, id_: str) -> Kept:
        """Look behind a row."""
        return next(backup for backup in self.existing if backup.id == id_)

    def row(self, kept: Kept) -> Backup:
        return Backup(
            kept.id,
            status=kept.status,
            volume_id=kept.volume,
            project_id=kept.project,
            snapshot_id=kept.snapshot,
            fail_reason=kept.reason,
            is_incremental=kept.parent is not None,
            created_at=self._shown(kept.created),
            updated_at=self._shown(kept.updated),
            data_timestamp=self._shown(kept.data),
        )

    def delete(self, id_: str) -> bool:
        """Delete at once, and say whether Cinder took it: not while a child's row exists."""
        kept = self.find(id_)
        if kept.status not in DELETABLE or self.children(kept):
            return False
        kept.gone = True
        return True

    def happen(self) -> None:
        """Let one thing happen that can."""
        what = self.random.choice(EVENTS)
        if what == 'snapshot':
            name = f'snapshot-{len(self.snapshots)}'
            self.snapshots.append((name, self.random.choice(VOLUMES), self.now))
        elif what in {'full', 'incremental'}:
            self._create(what)
        else:
            self._change(what)

    def _create(self, what: str) -> None:
        volume, project = self.random.choice(VOLUMES), self.random.choice(PROJECTS)
        # An old one now and then, so that backups come out of the order of their data.
        mine = [each for each in self.snapshots if each[1] == volume]
        snapshot = self.random.choice(mine) if mine and self.random.random() < SNAPSHOTS else None
        parent = None
        if what == 'incremental':
            parent = self._parent(volume, project, snapshot[2] if snapshot else None)
            if parent is None:
                return
        data = snapshot[2] if snapshot else self.now
        # IDs are random: their order says nothing.
        id_ = f'{len(self.backups) * 7919 % 1009:04}'
        name = snapshot[0] if snapshot else None
        self.backups.append(
            Kept(id_, volume, project, self.now, data, self.now, parent, snapshot=name)
        )

    def _parent(self, volume: str, project: str, before: datetime | None) -> Kept | None:
        able = [
            backup
            for backup in self.existing
            if (backup.volume, backup.project, backup.status) == (volume, project, 'available')
            and (before is None or self._cut(backup.data) < self._cut(before))
        ]
        latest = max((self._cut(backup.data) for backup in able), default=None)
        tied = [backup for backup in able if self._cut(backup.data) == latest]
        return self.random.choice(tied) if tied else None

    def _change(self, what: str) -> None:
        before, after = CHANGES[what]
        able = [
            backup
            for backup in self.existing
            if backup.status in before
            and not (what == 'delete' and self.children(backup))
            # An administrator who declares a half-made backup available is beyond inference, and
            # leaves the protection of its parent to Cinder.
            and not (what == 'reset to available' and not (backup.finished or backup.reason))
        ]
        if not able:
            return
        kept = self.random.choice(able)
        kept.updated = self.now
        kept.status, kept.gone = after, what == 'vanish'
        kept.finished = kept.finished or what == 'finish'
        kept.reason = 'disk' if what == 'fail' else kept.reason
        if kept.parent and what in {'finish', 'vanish'}:
            # The counter of dependents.
            kept.parent.updated = self.now

    def _cut(self, time: datetime) -> datetime:
        since = (time - BEGINNING) // timedelta(microseconds=self.precision)
        return BEGINNING + since * timedelta(microseconds=self.precision)

    def _shown(self, time: datetime) -> str:
        return self._cut(time).isoformat(timespec='microseconds')


#: What happens to a backup: in which statuses it can, and which it has then.
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
# What makes chains is likelier than what disturbs them.
EVENTS = ('full', 'snapshot', *['incremental'] * 8, *['finish'] * 10, *CHANGES)


def histories(*, shortest: int = 1, precision: int = 1) -> st.SearchStrategy[History]:
    """Give histories of a cloud.

    :param shortest: so many microseconds are between two events at least, up to three times as many
        at most.
    """

    def lived(seed: int, length: int) -> History:
        history = History(Random(seed), precision)
        for _ in range(length):
            history.now += timedelta(microseconds=history.random.randint(shortest, 3 * shortest))
            history.happen()
        return history

    return st.builds(lived, st.integers(0, 2**32), st.integers(10, 60))
