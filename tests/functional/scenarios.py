# SPDX-License-Identifier: Apache-2.0
"""What the project contains before a transcript of the documentation begins."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.functional.base import FunctionalTest, make_project, sandbox

_TOOK = timedelta(seconds=4)


class Stage(FunctionalTest):
    """A project with volumes and backups that have names."""

    def __init__(self) -> None:
        super().__init__()
        self.box = sandbox()
        self.project = make_project(self.box)
        self._ids: dict[str, str] = {}

    def volumes(self, *names: str) -> None:
        """Create volumes of 1 GiB whose IDs have the same order as their names."""
        made = sorted(self.make_volume() for _ in names)
        for id_, name in zip(made, names, strict=True):
            self.sql('UPDATE volumes SET display_name = ? WHERE id = ?', name, id_)
            self._ids[name] = id_

    def resize(self, name: str, gibibytes: int) -> None:
        """Change the size that Cinder shows for a volume. The volume's file stays small."""
        self.sql('UPDATE volumes SET size = ? WHERE id = ?', gibibytes, self._ids[name])

    def age(self, name: str) -> None:
        """Make a volume a day older."""
        older = "strftime('%Y-%m-%d %H:%M:%f000', created_at, '-1 day')"
        self.sql(f'UPDATE volumes SET created_at = {older} WHERE id = ?', self._ids[name])

    def full(self, name: str, volume: str, **attributes: Any) -> None:
        """Make a full backup."""
        self._ids[name] = self.make_backup(self._ids[volume], name=name, **attributes)

    def incremental(self, name: str, volume: str) -> None:
        """Make an incremental backup. Cinder chooses its parent."""
        self.full(name, volume, incremental=True)

    def snapshot(self, name: str, volume: str) -> None:
        """Make a snapshot."""
        id_ = self.make_snapshot(self._ids[volume])
        self.sql('UPDATE snapshots SET display_name = ? WHERE id = ?', name, id_)

    def move(self, name: str, time: str, last_child: str = '') -> None:
        """Change the time of a backup, and of its last child, which updates the parent."""
        created, done = datetime.fromisoformat(time), datetime.fromisoformat(last_child or time)
        self.sql(
            'UPDATE backups SET created_at = ?1, data_timestamp = ?1, updated_at = ?2'
            ' WHERE id = ?3',
            *(_text(created), _text(done + _TOOK), self._ids[name]),
        )

    def set_failed(self, name: str, reason: str) -> None:
        """Set a backup to error."""
        self.sql(
            "UPDATE backups SET status = 'error', fail_reason = ? WHERE id = ?",
            *(reason, self._ids[name]),
        )

    def damage(self, name: str) -> None:
        """Delete the data of a backup."""
        ((container,),) = self.sql('SELECT container FROM backups WHERE id = ?', self._ids[name])
        shutil.rmtree(self.box.state / 'backups' / container)

    def settle(self) -> None:
        """Wait until nothing in the project is being created, restored or deleted."""
        self.wait_until(lambda: self._busy('backups') + self._busy('volumes'), [])

    def clear(self) -> None:
        """Delete everything from the database, so that lists of all projects do not show it."""
        for table in ('backups', 'volumes', 'snapshots'):
            self.sql(f'UPDATE {table} SET deleted = 1 WHERE project_id = ?', self.project.id)

    def _busy(self, table: str) -> list[Any]:
        return self.sql(
            f'SELECT id FROM {table} WHERE project_id = ? AND NOT deleted AND status NOT LIKE'
            " '%error%' AND status <> 'available'",
            self.project.id,
        )


def _text(moment: datetime) -> str:
    """Write a time as Cinder does; SQLite compares text."""
    return moment.strftime('%Y-%m-%d %H:%M:%S.%f')


def volumes(stage: Stage) -> None:
    """Prepare two volumes without backups, and a snapshot of one."""
    stage.volumes('ledger', 'data')
    stage.snapshot('before-upgrade', 'data')


def full(stage: Stage) -> None:
    """Prepare two volumes and a full backup of one."""
    volumes(stage)
    stage.full('monday', 'ledger')


def chain(stage: Stage) -> None:
    """Prepare a chain of three backups of one volume, and two full backups of another."""
    full(stage)
    stage.incremental('tuesday', 'ledger')
    stage.incremental('wednesday', 'ledger')
    stage.full('data-1', 'data')
    stage.full('data-2', 'data')


def weeks(stage: Stage) -> None:
    """Prepare two chains of one volume and one chain of another, with a backup per day."""
    volumes(stage)
    stage.full('sun-1', 'ledger')
    stage.incremental('mon-1', 'ledger')
    stage.incremental('tue-1', 'ledger')
    stage.full('sun-2', 'ledger')
    stage.incremental('mon-2', 'ledger')
    stage.incremental('tue-2', 'ledger')
    stage.full('data-sun', 'data')
    stage.incremental('data-mon', 'data')
    for name, time, last_child in (
        ('sun-1', '2025-11-16 02:00', '2025-11-17 02:00'),
        ('mon-1', '2025-11-17 02:00', '2025-11-18 02:00'),
        ('tue-1', '2025-11-18 02:00', ''),
        ('sun-2', '2025-11-23 02:00', '2025-11-24 02:00'),
        ('mon-2', '2025-11-24 02:00', '2025-11-25 02:00'),
        ('tue-2', '2025-11-25 02:00', ''),
        ('data-sun', '2025-11-23 02:30', '2025-11-24 02:30'),
        ('data-mon', '2025-11-24 02:30', ''),
    ):
        stage.move(name, time, last_child)


def failed(stage: Stage) -> None:
    """Prepare a backup in error."""
    full(stage)
    stage.set_failed('monday', 'Service not found for creating backup.')


def pinned(stage: Stage) -> None:
    """Prepare a failed incremental backup, between a full one that it builds on and a newer one."""
    full(stage)
    stage.incremental('tuesday', 'ledger')
    stage.set_failed('tuesday', 'The backup storage is full.')
    stage.full('wednesday', 'ledger')


def grown(stage: Stage) -> None:
    """Prepare a volume that has grown since its only backup."""
    full(stage)
    stage.resize('ledger', 2)


def large(stage: Stage) -> None:
    """Prepare a larger volume, and a backup of it whose data is lost."""
    volumes(stage)
    stage.volumes('big')
    stage.resize('big', 2)
    stage.full('of-big', 'big')
    stage.damage('of-big')


def checked(stage: Stage) -> None:
    """Prepare a volume with a failed backup, one with an old backup only, and a new one."""
    stage.volumes('fresh', 'ledger', 'mail')
    stage.full('monday', 'ledger')
    stage.full('tuesday', 'ledger')
    stage.set_failed('tuesday', 'The backup storage is full.')
    stage.full('friday', 'mail')
    then = datetime.now(timezone.utc) - timedelta(hours=74, minutes=30)
    stage.move('friday', then.replace(tzinfo=None).isoformat())


def namesakes(stage: Stage) -> None:
    """Prepare two volumes of the same name, and a backup."""
    full(stage)
    stage.volumes('ledger')


def nightly(stage: Stage) -> None:
    """Prepare two volumes without backups, the first one newer, so that it is listed first."""
    stage.volumes('ledger', 'mail')
    stage.age('mail')


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    'volumes': volumes,
    'full': full,
    'chain': chain,
    'weeks': weeks,
    'failed': failed,
    'pinned': pinned,
    'grown': grown,
    'large': large,
    'namesakes': namesakes,
    'checked': checked,
    'nightly': nightly,
}
