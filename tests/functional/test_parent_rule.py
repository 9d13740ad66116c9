# SPDX-License-Identifier: Apache-2.0
"""Parents that Cinder chooses by its lesser known rules, and what the commands make of them."""

import json
from typing import Any

from tests.functional.base import FunctionalTest, make_project, old_parent_rule_sandbox

CREATE = 'volume backup create -f value -c id'


class ParentTest(FunctionalTest):
    """A test that knows the true parents."""

    def parent(self, backup: str) -> str | None:
        """Return the parent's ID, which the API does not show to members."""
        parent: str | None = self.sql('SELECT parent_id FROM backups WHERE id = ?', backup)[0][0]
        return parent

    def create(self, arguments: str) -> tuple[str, str]:
        """Create a backup and wait; return its ID and what the command said at the end."""
        result = self.run_openstack(f'{CREATE} {arguments} --wait')
        self.assertEqual(result.status, 0, result.stderr)
        return result.stdout.strip(), result.stderr.splitlines()[-1]

    def is_incremental(self, backup: str) -> bool:
        row = self.project.member.block_storage('GET', f'/backups/{backup}')['backup']
        return bool(row['is_incremental'])


class OldSnapshotTest(ParentTest):
    """An incremental backup of a snapshot that is older than every backup of the volume."""

    def setUp(self) -> None:
        self.volume = self.make_volume()
        self.write_volume(self.volume, 'snapshot')
        self.snapshot = self.make_snapshot(self.volume)
        self.write_volume(self.volume, 'later')
        self.older, self.newest = (self.make_backup(self.volume) for _ in range(2))

    def back_up_snapshot(self) -> str:
        backup = self.make_backup(self.volume, snapshot_id=self.snapshot, incremental=True)
        self.assertEqual(self.parent(backup), self.newest)
        return backup

    def tree(self, environment: dict[str, str] | None = None, options: str = '') -> dict[str, Any]:
        rows = json.loads(
            self.backup(f'tree --volume {self.volume} -f json {options}', environment)
        )
        return {row['ID']: row for row in rows}

    def test_tree_shows_the_parent(self) -> None:
        child = self.back_up_snapshot()
        self.assertEqual(self.tree()[child]['Parent'], self.newest)
        exact = self.tree(self.admin_here, '--exact')[child]
        self.assertEqual((exact['Parent'], exact['Certain']), (self.newest, True))
        self.assertNotIn('missing', self.backup(f'tree --volume {self.volume}'))

    def test_cascade_deletes_the_child(self) -> None:
        child = self.back_up_snapshot()
        command = f'delete {self.newest} --cascade'
        self.assertIn(child, self.backup(f'{command} --dry-run'))
        self.backup(f'{command} --auto-approve --wait')
        for backup in (child, self.newest):
            self.assertEqual(self.status('backup', backup), 'deleted')
        self.assertEqual(self.status('backup', self.older), 'available')

    def test_prune_keeps_the_parent(self) -> None:
        child = self.back_up_snapshot()
        self.prune(f'--keep-id {child} --allow-empty')
        self.assertEqual(self.status('backup', self.newest), 'available')
        self.assertEqual(self.status('backup', self.older), 'deleted')
        self.assertEqual(self.read_volume(self.make_restored(child)), 'snapshot')

    def test_prune_deletes_the_child_before_the_parent(self) -> None:
        child = self.back_up_snapshot()
        latest = self.make_backup(self.volume)
        self.prune(f'--keep-id {latest}')
        for backup in (child, self.newest, self.older):
            self.assertEqual(self.status('backup', backup), 'deleted')

    def prune(self, options: str) -> None:
        self.backup(f'prune --volume {self.volume} {options} --auto-approve')

    def test_allow_full_creates_an_incremental_backup(self) -> None:
        made, said = self.create(
            f'{self.volume} --snapshot {self.snapshot} --incremental --allow-full'
        )
        self.assertTrue(self.is_incremental(made))
        self.assertEqual(self.parent(made), self.newest)
        self.assert_has(said, made, 'an incremental backup')
        self.assertEqual(self.read_volume(self.make_restored(made)), 'snapshot')

    def test_allow_full_creates_a_full_backup_if_the_newest_failed(self) -> None:
        self.box.faults.fail_next('create', self.volume, 'no space')
        failed = self.make_failed_backup(self.volume)
        options = f'{self.volume} --snapshot {self.snapshot} --incremental'
        self.assertIn('--allow-full', self.fails(f'{CREATE} {options}'))
        made, said = self.create(f'{options} --allow-full')
        self.assertFalse(self.is_incremental(made))
        self.assert_has(said, made, 'a full backup', failed)


class OldRuleTest(ParentTest):
    """A cloud such as Cinder 21, which passes over no backup when it looks for the parent."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = old_parent_rule_sandbox()
        cls.project = make_project(cls.box)

    def setUp(self) -> None:
        self.volume = self.make_volume()
        self.full = self.make_backup(self.volume)

    def make_failed(self) -> str:
        self.box.faults.fail_next('create', self.volume, 'no space')
        return self.make_failed_backup(self.volume, incremental=True)

    def test_failed_newest_backup_refuses_an_incremental_one(self) -> None:
        self.make_failed()
        self.assertIn('--allow-full', self.fails(f'{CREATE} {self.volume} --incremental'))

    def test_allow_full_creates_a_full_backup_if_the_newest_failed(self) -> None:
        failed = self.make_failed()
        made, said = self.create(f'{self.volume} --incremental --allow-full')
        self.assertFalse(self.is_incremental(made))
        self.assert_has(said, made, 'a full backup', failed)
        after, _ = self.create(f'{self.volume} --incremental --allow-full')
        self.assertEqual(self.parent(after), made)

    def test_allow_full_creates_a_full_backup_while_the_newest_is_restored(self) -> None:
        with self.box.faults.hold('restore', self.full):
            self.begin_restore(self.full, self.make_volume())
            made, said = self.create(f'{self.volume} --incremental --allow-full')
        self.assertFalse(self.is_incremental(made))
        self.assert_has(said, made, 'a full backup')
        self.wait_for('backup', self.full)

    def test_allow_full_creates_an_incremental_if_the_newest_is_available(self) -> None:
        made, said = self.create(f'{self.volume} --incremental --allow-full')
        self.assertEqual(self.parent(made), self.full)
        self.assert_has(said, made, 'an incremental backup')
