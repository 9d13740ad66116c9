# SPDX-License-Identifier: Apache-2.0
"""Rotations on Ceph, and in clouds that choose parents as Cinder 21 does."""

from tests.functional.base import CephTest, make_project, old_parent_rule_sandbox
from tests.functional.rotating import RotateTest

PRUNE = '--auto-approve --keep-last'


class CephRotateTest(RotateTest, CephTest):
    """A cloud in which backups of snapshots share one image."""

    def setUp(self) -> None:
        super().setUp()
        self.volume = self.make_volume()

    def back_up_snapshot(self) -> str:
        """Let somebody else back up a snapshot of the volume."""
        self.write_night(self.volume)
        return self.make_backup(self.volume, snapshot_id=self.make_snapshot(self.volume))

    def test_chains_grow_and_are_pruned(self) -> None:
        options = f'{self.volume} {self.chained} --max-chain 2 {PRUNE} 1'
        kinds = [self.rotate_on(ago, options)[self.volume]['Kind'] for ago in (3, 2, 1, 0)]
        self.assertEqual(kinds, ['full', 'incremental', 'full', 'incremental'])
        self.assertEqual(len(self.backups()), 2)
        self.assert_all_restore()

    def test_backup_of_a_snapshot_is_never_a_parent(self) -> None:
        options = f'{self.volume} {self.chained}'
        self.rotate_on(3, options)
        with self.night(2):
            snapshot = self.back_up_snapshot()
        row = self.rotate_on(1, options)[self.volume]
        self.assertEqual(row['Kind'], 'full')
        self.assert_has(row['Reason'], snapshot, 'snapshot')
        row = self.rotate_on(0, options)[self.volume]
        self.assertEqual(row['Kind'], 'incremental')
        self.assert_all_restore()

    def test_failed_backup_is_kept_while_it_may_share_data(self) -> None:
        options = f'{self.volume} {self.chained} {PRUNE} 1'
        with self.night(3.5):
            snapshot = self.back_up_snapshot()
        self.box.faults.fail_next('create', self.volume, 'no space')
        self.rotate_on(3, options, status=1)
        for ago in (2, 1):
            self.rotate_on(ago, options)
            self.assertIn('error', self.statuses())
            self.assert_all_restore()
        self.remove_backup(snapshot)
        self.rotate_on(0, options)
        self.assertEqual(set(self.statuses()), {'available'})
        self.assert_all_restore()

    def test_incremental_backup_that_became_full_is_reported_as_full(self) -> None:
        self.box.ceph.max_snapshots = 1
        self.addCleanup(setattr, self.box.ceph, 'max_snapshots', 0)
        options = f'{self.volume} {self.chained}'
        for ago in (3, 2):
            row = self.rotate_on(ago, options)[self.volume]
        self.assertEqual(row['Kind'], 'incremental')
        # The snapshot of the first backup is no longer on the volume.
        self.remove_backup(row['Backup'])
        row = self.rotate_on(1, options)[self.volume]
        self.assertEqual(row['Kind'], 'full')
        self.assertIsNone(self.backups()[row['Backup']]['parent_id'])
        self.assert_all_restore()


class OldRuleTest(RotateTest):
    """A cloud in which a newest backup that is not available stops incremental ones."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = old_parent_rule_sandbox()
        cls.project = make_project(cls.box)

    def setUp(self) -> None:
        super().setUp()
        self.volume = self.make_volume()
        self.options = f'{self.volume} {self.chained} {PRUNE} 2'

    def test_failure_is_healed_by_a_full_backup(self) -> None:
        self.rotate_on(3, self.options)
        self.box.faults.fail_next('create', self.volume, 'no space')
        self.rotate_on(2, self.options, status=1)
        rows = self.rotate_on(1, self.options)
        self.assertEqual(rows[self.volume]['Kind'], 'full')
        rows = self.rotate_on(0, self.options)
        self.assertEqual(rows[self.volume]['Kind'], 'incremental')
        self.assertEqual(set(self.statuses()), {'available'})
        self.assert_all_restore()

    def test_failure_of_somebody_else_is_healed_by_a_full_backup(self) -> None:
        self.rotate_on(3, self.options)
        self.box.faults.fail_next('create', self.volume, 'no space')
        with self.night(2):
            failed = self.make_failed_backup(self.volume, incremental=True)
        rows = self.rotate_on(1, self.options)
        self.assertEqual(rows[self.volume]['Kind'], 'full')
        self.assertIn(failed, rows[self.volume]['Reason'])
        rows = self.rotate_on(0, self.options)
        self.assertEqual(rows[self.volume]['Kind'], 'incremental')
        # What is not the rotation's is kept.
        self.assertEqual(self.status('backup', failed), 'error')
        self.assert_all_restore()

    def test_parent_that_is_restored_is_waited_for(self) -> None:
        for ago in (3, 2):
            self.rotate_on(ago, self.options)
        newest = list(self.backups())[-1]
        with self.box.faults.hold('restore', newest):
            target = self.make_volume()
            self.begin_restore(newest, target)
            self.wait_for('backup', newest, 'restoring')
            rows = self.rotate_on(1, self.options, status=1)
            self.assertEqual(rows[self.volume]['Result'], 'busy')
            self.assertIn(newest, rows[self.volume]['Reason'])
        self.wait_for('backup', newest)
        self.wait_for('volume', target)
        made = self.rotate_on(1, self.options)[self.volume]['Backup']
        self.assertEqual(self.backups()[made]['parent_id'], newest)
        self.assert_all_restore()
