# SPDX-License-Identifier: Apache-2.0
"""A test of rotations: it remembers the bytes of each backup, and restores what is left."""

import hashlib
import json
import tempfile
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.functional.api import Account
from tests.functional.base import FunctionalTest, make_project
from tests.functional.client import Result

ROTATE = 'volume backup rotate'

#: Each night writes to a part of the volume of its own, so that a restore needs the whole chain.
_PART = 32 * 1024

#: A row of the output.
Row = dict[str, Any]


class RotateTest(FunctionalTest):
    """A test in a project of its own, with Cinder's database as the judge."""

    pause = 0.05

    def setUp(self) -> None:
        super().setUp()
        self.project = make_project(self.box)
        # Today and on the three days before it, no full backup is due.
        self.chained = f'--full-on {self.now - timedelta(days=4):%A}'.lower()
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = home.name
        self.nights = 0
        self._digests: dict[str, str] = {}
        self._target = ''

    def run_openstack(
        self, arguments: str | list[str], environment: dict[str, str] | None = None
    ) -> Result:
        """Run a command whose locks are in a folder of the test."""
        environment = {'XDG_STATE_HOME': self.home, **(environment or self.member)}
        return super().run_openstack(arguments, environment)

    def rotate(
        self,
        options: str = '--all-volumes',
        environment: dict[str, str] | None = None,
        *,
        status: int = 0,
    ) -> dict[str, Row]:
        """Run a rotation; return its rows by volume."""
        return self.rows_of(
            self.run_openstack(f'{ROTATE} {options} -f json', environment), status=status
        )

    def rows_of(self, result: Result, *, status: int = 0) -> dict[str, Row]:
        """Return the rows of a rotation that has ended, and remember what was backed up."""
        self.assertEqual(result.status, status, result.stderr)
        self.assertNotIn('Traceback', result.stderr)
        self.stderr = result.stderr
        self.remember_new()
        return {row['Volume']: row for row in json.loads(result.stdout or '[]')}

    def rotate_while_busy(
        self,
        busy: str,
        other: str,
        environment: dict[str, str] | None = None,
        status: int = 0,
    ) -> dict[str, Row]:
        """Rotate while somebody else backs up a volume, until the other one has begun."""
        with self.box.faults.hold('create', other):
            with self.box.faults.hold('create', busy):
                by_hand = self.begin_backup(busy)
                self.wait_for('volume', busy, 'backing-up')
                run = self.begin(f'{ROTATE} {busy} {other} --max-chain 1 -f json', environment)
                self.wait_for('volume', other, 'backing-up')
            self.wait_for('backup', by_hand)
        return self.rows_of(run.result(), status=status)

    def results(self, rows: dict[str, Row]) -> dict[str, str]:
        """Return the result for each volume."""
        return {volume: row['Result'] for volume, row in rows.items()}

    # What is on the volumes

    def write_night(self, *volumes: str) -> None:
        """Change volumes as a day changes them."""
        self.nights += 1
        for volume in volumes:
            with self.box.volume_file(volume).open('r+b') as file:
                file.seek(self.nights % 256 * _PART)
                file.write(f'night {self.nights} of {volume}'.encode())

    def make_backup(self, volume: str, owner: Account | None = None, **attributes: Any) -> str:
        """Create a backup as somebody else, wait for it, and return its ID."""
        id_ = super().make_backup(volume, owner, **attributes)
        self.remember_new()
        return id_

    def remember_new(self) -> None:
        """Remember that new backups have what is on their volumes now."""
        for backup, row in self.backups().items():
            if backup not in self._digests and self.box.volume_file(row['volume_id']).exists():
                self._digests[backup] = self._digest(row['volume_id'])

    def _digest(self, volume: str) -> str:
        return hashlib.sha256(self.box.volume_file(volume).read_bytes()).hexdigest()

    def assert_all_restore(self) -> None:
        """Restore each available backup that a test has seen, and compare the bytes."""
        self.assert_whole_chains()
        for backup in [
            each for each, row in self.backups().items() if row['status'] == 'available'
        ]:
            with self.subTest(backup=backup):
                self._target = self.make_restored(backup, self._target or None)
                self.assertEqual(self._digest(self._target), self._digests[backup])

    # What is in the database

    def backups(self, volume: str | None = None) -> dict[str, Row]:
        """Return the rows of the project's backups, or of a volume's, by ID; the oldest first."""
        columns = ('id', 'status', 'parent_id', 'volume_id', 'created_at', 'display_name')
        rows = self.sql(
            f'SELECT {", ".join(columns)} FROM backups WHERE project_id = ? AND NOT deleted '
            'AND (? IS NULL OR volume_id = ?) ORDER BY created_at',
            *(self.project.id, volume, volume),
        )
        return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}

    def volumes(self) -> list[str]:
        """Return the IDs of the project's volumes, except the target of restores."""
        statement = 'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted AND id != ?'
        return [row[0] for row in self.sql(statement, self.project.id, self._target)]

    def statuses(self, volume: str | None = None) -> list[str]:
        """Return the statuses of backups, the oldest first."""
        return [row['status'] for row in self.backups(volume).values()]

    def metadata(self, backup: str) -> dict[str, str]:
        """Return the properties of a backup."""
        statement = 'SELECT key, value FROM backup_metadata WHERE backup_id = ? AND NOT deleted'
        return dict(self.sql(statement, backup))

    def assert_whole_chains(self) -> None:
        """Expect that the parent of every backup is there."""
        backups = self.backups()
        parents = {row['parent_id'] for row in backups.values() if row['parent_id']}
        self.assertLessEqual(parents, set(backups))

    # Time

    @property
    def now(self) -> datetime:
        """The real time."""
        return datetime.now(timezone.utc)

    def night(self, days_ago: float) -> AbstractContextManager[None]:
        """Return a context in which it is some days ago in the cloud."""
        return self.box.clock.set_to(self.now - timedelta(days=days_ago))

    def rotate_on(self, days_ago: float, options: str, *, status: int = 0) -> dict[str, Row]:
        """Let all volumes change, and run a rotation some days ago."""
        self.write_night(*self.volumes())
        with self.night(days_ago):
            return self.rotate(options, status=status)
