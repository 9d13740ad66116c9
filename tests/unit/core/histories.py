# SPDX-License-Identifier: Apache-2.0
"""A small model of how Cinder makes, finishes and deletes backups, for histories by the thousand.

It knows the true parents, which the API never shows, and gives rows as the API shows them.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from backupext.core.models import Backup

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class RefusedError(Exception):
    """Cinder refuses: incremental backups exist for this backup."""


@dataclass
class Made:
    """A backup in the model's database."""

    row: Backup
    parent: str | None
    status: str = 'creating'


@dataclass
class Cloud:
    """What one project has, and the time."""

    now: datetime = START
    made: dict[str, Made] = field(default_factory=dict)
    count: int = 0

    def pass_time(self, minutes: int) -> None:
        """Let time go by; some databases keep whole seconds, so that equal times occur."""
        self.now += timedelta(minutes=minutes)

    def create(self, volume: str, *, incremental: bool) -> None:
        """Make a backup; an incremental has for its parent what Cinder would take."""
        usable = [
            each
            for each in self.made.values()
            if each.row.volume_id == volume and each.status == 'available'
        ]
        parent = max(usable, key=lambda each: each.row.data_timestamp or '', default=None)
        if incremental and parent is None:
            return
        self.count += 1
        time = _text(self.now)
        row = Backup(
            f'{self.count:08x}-0000-4000-8000-000000000000',
            f'b{self.count}',
            volume_id=volume,
            size=1,
            is_incremental=incremental,
            created_at=time,
            updated_at=time,
            data_timestamp=time,
            metadata={},
        )
        self.made[row.id] = Made(row, parent.row.id if incremental and parent else None)

    def finish(self, id_: str, status: str) -> None:
        """Let a backup get ready, fail, be restored, or be ready again."""
        each = self.made[id_]
        was_creating = each.status == 'creating'
        if was_creating and status == 'restoring':
            return
        each.status = status
        if status == 'error':
            each.row = replace(each.row, fail_reason='failed')
        self._touch(each)
        if was_creating and status == 'available' and each.parent in self.made:
            self._touch(self.made[each.parent])

    def delete(self, id_: str) -> None:
        """Delete a backup.

        :raises RefusedError: another was made on it.
        """
        if any(each.parent == id_ for each in self.made.values()):
            raise RefusedError(id_)
        del self.made[id_]

    def rows(self) -> list[Backup]:
        """Give what the API shows."""
        return [replace(each.row, status=each.status) for each in self.made.values()]

    def parent(self, id_: str) -> str | None:
        """Give the truth."""
        return self.made[id_].parent

    def ancestors(self, id_: str) -> set[str]:
        """Give the truth all the way down."""
        parent = self.parent(id_)
        return set() if parent is None else {parent, *self.ancestors(parent)}

    def _touch(self, each: Made) -> None:
        each.row = replace(each.row, updated_at=_text(self.now))


def _text(time: datetime) -> str:
    return time.strftime('%Y-%m-%dT%H:%M:%S.%f')


@st.composite
def clouds(draw: st.DrawFn, steps: int = 25) -> Cloud:
    """Draw a history of one project with two volumes."""
    cloud = Cloud()
    for _ in range(draw(st.integers(0, steps))):
        cloud.pass_time(draw(st.sampled_from([0, 1, 60, 60 * 24, 60 * 24 * 9])))
        _step(draw, cloud)
    return cloud


def _step(draw: st.DrawFn, cloud: Cloud) -> None:
    what = draw(st.sampled_from(['create', 'create', 'create', 'finish', 'finish', 'delete']))
    if what == 'create':
        cloud.create(draw(st.sampled_from(['v', 'w'])), incremental=draw(st.booleans()))
        return
    if not cloud.made:
        return
    id_ = draw(st.sampled_from(sorted(cloud.made)))
    if what == 'finish':
        statuses = ['available', 'available', 'available', 'error', 'restoring']
        cloud.finish(id_, draw(st.sampled_from(statuses)))
        return
    if not any(each.parent == id_ for each in cloud.made.values()):
        cloud.delete(id_)
