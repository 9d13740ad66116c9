# SPDX-License-Identifier: Apache-2.0
"""Backups on Ceph, where backups of snapshots share one image: none loses its data unasked."""

import json
import os
import time
from typing import Any

from tests.functional.api import Account
from tests.functional.base import CephTest, FunctionalTest
from tests.functional.test_terminal import Terminal

CREATE = 'volume backup create -f value -c id'


class SnapshotTest(CephTest):
    """A test with backups of snapshots of one volume."""

    def setUp(self) -> None:
        self.volume = self.make_volume()

    def take_snapshot(self, text: str) -> str:
        """Write text on the volume, and return a snapshot of it."""
        self.write_volume(self.volume, text)
        return self.make_snapshot(self.volume)

    def back_up_snapshot(self, text: str, **attributes: Any) -> str:
        """Return the backup of a snapshot with text on it."""
        return self.make_backup(self.volume, snapshot_id=self.take_snapshot(text), **attributes)

    def fail_to_back_up_snapshot(self, **attributes: Any) -> str:
        """Return a failed second backup of a snapshot, requested without the plugin."""
        snapshot = self.take_snapshot('failed')
        return self.make_failed_backup(self.volume, snapshot_id=snapshot, **attributes)

    def destroy_by_incremental(self) -> tuple[str, str]:
        """Return a backup of a snapshot without its data, and the failed one that destroyed it."""
        destroyed = self.back_up_snapshot('destroyed')
        return destroyed, self.make_failed_backup(self.volume, incremental=True)

    def backups(self) -> set[str]:
        """Return the IDs of the volume's backups."""
        statement = 'SELECT id FROM backups WHERE volume_id = ? AND NOT deleted'
        return {row[0] for row in self.sql(statement, self.volume)}

    def is_incremental(self, backup: str) -> bool:
        row = self.project.member.block_storage('GET', f'/backups/{backup}')['backup']
        return bool(row['is_incremental'])

    def assert_restores(self, backup: str, text: str) -> None:
        """Expect the bytes of a backup, by a restore to a new volume."""
        self.assertEqual(self.status('backup', backup), 'available')
        self.assertEqual(self.read_volume(self.make_restored(backup)), text)

    def assert_destroyed(self, backup: str) -> None:
        self.make_restored(backup, status='error_restoring')


class CreateTest(SnapshotTest):
    """Backups that would fail, or destroy another one."""

    def refuses(self, arguments: str, *words: str) -> None:
        """Expect that no backup is requested."""
        before = self.backups()
        self.assert_has(self.fails(f'volume backup create {self.volume} {arguments}'), *words)
        self.assertEqual(self.backups(), before)

    def test_incremental_on_a_backup_of_a_snapshot_is_refused(self) -> None:
        parent = self.back_up_snapshot('parent')
        for options in ('--incremental', '--incremental --wait'):
            with self.subTest(options=options):
                self.refuses(options, parent, '--allow-full')
        self.assert_restores(parent, 'parent')

    def test_allow_full_creates_a_full_backup_and_says_why(self) -> None:
        parent = self.back_up_snapshot('parent')
        self.write_volume(self.volume, 'new')
        result = self.run_openstack(f'{CREATE} {self.volume} --incremental --allow-full --wait')
        self.assertEqual(result.status, 0, result.stderr)
        made = result.stdout.strip()
        self.assert_has(result.stderr, made, parent, 'full', 'snapshot')
        self.assertFalse(self.is_incremental(made))
        self.assert_restores(parent, 'parent')
        self.assert_restores(made, 'new')

    def test_incremental_of_a_backup_of_the_volume_is_created(self) -> None:
        first = self.back_up_snapshot('snapshot')
        self.make_backup(self.volume)
        made = self.openstack(f'{CREATE} {self.volume} --incremental --wait')
        self.assertTrue(self.is_incremental(made))
        self.assert_restores(first, 'snapshot')

    def test_second_backup_of_a_snapshot_is_refused(self) -> None:
        first = self.back_up_snapshot('first')
        snapshot = self.take_snapshot('second')
        for options in ('', '--incremental', '--incremental --allow-full'):
            with self.subTest(options=options):
                self.refuses(f'--snapshot {snapshot} {options}', first)
        self.assert_restores(first, 'first')

    def test_second_backup_of_a_snapshot_is_refused_while_the_first_is_restored(self) -> None:
        first, snapshot = self.back_up_snapshot('first'), self.take_snapshot('second')
        with self.box.faults.hold('restore', first):
            self.begin_restore(first, self.make_volume())
            self.refuses(f'--snapshot {snapshot}', first)
        self.wait_for('backup', first)
        self.assert_restores(first, 'first')

    def test_wait_reports_an_incremental_that_became_full(self) -> None:
        self.box.ceph.max_snapshots = 1
        self.addCleanup(setattr, self.box.ceph, 'max_snapshots', 0)
        self.make_backup(self.volume)
        self.remove_backup(self.make_backup(self.volume, incremental=True))
        for options in ('', '--allow-full'):
            with self.subTest(options=options):
                result = self.run_openstack(
                    f'{CREATE} {self.volume} --incremental --wait {options}'
                )
                self.assertEqual(result.status, 0, result.stderr)
                made = result.stdout.strip()
                self.assertFalse(self.is_incremental(made))
                last = result.stderr.splitlines()[-1]
                self.assert_has(last, made, 'a full backup', 'incremental')
                self.remove_backup(self.make_backup(self.volume, incremental=True))

    def test_kind_without_wait_is_the_requested_one(self) -> None:
        self.make_backup(self.volume)
        result = self.run_openstack(f'{CREATE} {self.volume} --incremental --allow-full')
        self.assert_has(result.stderr, 'Requested', 'an incremental backup', result.stdout.strip())
        self.wait_for('backup', result.stdout.strip())

    def test_full_backup_works_after_a_source_snapshot_was_removed(self) -> None:
        parent = self.make_backup(self.volume)
        snapshots = self.box.ceph.source_snapshots(self.volume)
        snapshots.remove(snapshots.of(parent) or '')
        result = self.run_openstack(f'{CREATE} {self.volume} --incremental --allow-full --wait')
        self.assertEqual(result.status, 1)
        self.assertIn('RBD diff op failed', result.stderr)
        self.openstack(f'{CREATE} {self.volume} --wait')


class DeleteTest(SnapshotTest):
    """Deletions that take the data of another backup with them."""

    def refuses(self, backup: str, endangered: str) -> None:
        """Expect that a backup is not deleted where nobody can be asked."""
        for options in ('', '--wait', '--cascade'):
            with self.subTest(options=options):
                result = self.run_openstack(f'volume backup delete {backup} {options}')
                self.assertEqual(result.status, 1)
                self.assert_has(result.stderr, backup, endangered, '--auto-approve')
                self.assertNotEqual(self.status('backup', backup), 'deleted')

    def test_failed_second_backup_of_a_snapshot_is_kept(self) -> None:
        first = self.back_up_snapshot('first')
        self.refuses(self.fail_to_back_up_snapshot(), first)
        self.assert_restores(first, 'first')

    def test_failed_full_backup_of_the_volume_is_kept(self) -> None:
        first = self.back_up_snapshot('first')
        self.box.faults.fail_next('create', self.volume, 'no space')
        self.refuses(self.make_failed_backup(self.volume), first)
        self.assert_restores(first, 'first')

    def test_destroyed_backup_and_failed_incremental_are_kept(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        new = self.back_up_snapshot('new')
        self.refuses(failed, new)
        self.remove_row(failed)
        self.refuses(destroyed, new)
        self.assert_restores(new, 'new')

    def remove_row(self, backup: str) -> None:
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)

    def test_backups_that_share_an_image_are_deleted_one_after_another(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        self.remove_row(failed)
        new = self.back_up_snapshot('new')
        with self.box.faults.hold('delete', new):
            running = self.begin(f'volume backup delete {destroyed} {new} --wait')
            self.wait_for('backup', new, 'deleting')
            time.sleep(1)  # long enough for another request
            self.assertEqual(self.status('backup', destroyed), 'available')
        result = running.result(60)
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.backups(), set())

    def test_backup_is_kept_while_the_other_one_is_restored(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        with self.box.faults.hold('restore', first):
            target = self.make_volume()
            self.begin_restore(first, target)
            self.refuses(failed, first)
        self.wait_for('volume', target)
        self.assertEqual(self.read_volume(target), 'first')

    def test_other_backups_are_deleted(self) -> None:
        first, plain = self.back_up_snapshot('first'), self.make_backup(self.make_volume())
        failed = self.fail_to_back_up_snapshot()
        result = self.run_openstack(f'volume backup delete {failed} {plain} --wait')
        self.assertEqual(result.status, 1)
        self.assertEqual(self.status('backup', plain), 'deleted')
        self.assertEqual(self.status('backup', failed), 'error')
        self.assert_restores(first, 'first')

    def test_auto_approve_is_consent(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        self.backup(f'delete {failed} --auto-approve --wait')
        self.assertEqual(self.status('backup', failed), 'deleted')
        self.assert_destroyed(first)

    def test_question_is_asked_at_a_terminal(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        for keys, status, left in (('n\n', 1, 'error'), ('y\n', 0, 'deleted')):
            with self.subTest(keys=keys):
                command = f'volume backup delete {failed} --wait'
                with Terminal(command, self.member) as terminal:
                    terminal.expect(r'\[y/N\] $')
                    self.assert_has(terminal.text, failed, first)
                    terminal.type(keys)
                    self.assertEqual(terminal.finish(), status, terminal.written)
                self.assertEqual(self.status('backup', failed), left)

    def test_nothing_is_asked_if_no_data_is_lost(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        self.backup(f'delete {failed} {first} --wait')
        self.assertEqual(self.backups(), set())
        only = self.back_up_snapshot('only')
        self.backup(f'delete {only} --wait')

    def test_backups_of_the_volume_are_deleted_without_a_question(self) -> None:
        snapshots = self.back_up_snapshot('snapshot')
        full = self.make_backup(self.volume)
        incremental = self.make_backup(self.volume, incremental=True)
        self.backup(f'delete {full} {incremental} --wait')
        self.assert_restores(snapshots, 'snapshot')

    def test_administrator_keeps_another_projects_data(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        result = self.run_openstack(f'volume backup delete {failed}', self.admin)
        self.assertEqual(result.status, 1)
        self.assert_has(result.stderr, failed, first, '--auto-approve')
        self.assert_restores(first, 'first')

    def test_refused_force_delete_has_advice(self) -> None:
        backup = self.make_backup(self.volume)
        result = self.run_openstack(f'volume backup delete --force {backup}', self.admin_here)
        self.assertEqual(result.status, 1)
        self.assert_has(result.stderr, backup, 'without --force', 'set --state error')
        self.assertEqual(self.status('backup', backup), 'available')
        self.backup(f'delete {backup} --wait', self.admin_here)

    def test_busy_image_is_reported_and_the_deletion_can_be_repeated(self) -> None:
        backup = self.make_backup(self.volume)
        image = f'volume-{self.volume}.backup.{backup}'
        watcher = self.box.ceph.pool().open(image).watcher
        watcher.touch()
        result = self.run_openstack(f'volume backup delete {backup} --wait')
        self.assertEqual(result.status, 1)
        self.assert_has(result.stderr, backup, 'RBD image is busy')
        watcher.unlink()
        self.backup(f'delete {backup} --wait')


class PruneTest(SnapshotTest):
    """What prune keeps together."""

    def prune(self, options: str) -> dict[str, tuple[str, str]]:
        """Prune the volume; return each backup's decision and reasons, the same as planned."""
        command = f'volume backup prune --volume {self.volume} {options} -f json'
        planned = json.loads(self.openstack(f'{command} --dry-run'))
        done = json.loads(self.openstack(f'{command} --auto-approve'))
        self.assertEqual(done, planned)
        return {row['ID']: (row['Decision'], str(row['Reasons'])) for row in planned}

    def test_backups_that_share_an_image_are_kept_together(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        new = self.back_up_snapshot('new')
        rows = self.prune('--keep-last 1')
        self.assertEqual(rows[new][0], 'keep')
        self.assertEqual(rows[destroyed][0], 'keep')
        self.assertEqual(self.backups(), {destroyed, failed, new})
        self.assert_restores(new, 'new')

    def test_shared_data_is_the_reason(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        new = self.back_up_snapshot('new', name=self.unique('new'))
        self.remove_row(failed)
        decision, reasons = self.prune('--keep-last 1')[destroyed]
        self.assertEqual(decision, 'keep')
        self.assert_has(reasons, 'may share data', 'new')
        self.assert_restores(new, 'new')

    def remove_row(self, backup: str) -> None:
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)

    def test_failed_backup_of_a_snapshot_is_kept_with_the_first(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        self.make_older(self.volume)
        rows = self.prune('--keep-last 1 --delete-failed 1h')
        self.assertEqual(rows[failed][0], 'skip')
        self.assertIn('may share data', rows[failed][1])
        self.assert_restores(first, 'first')

    def test_failed_full_backup_is_kept_with_the_snapshot_backup(self) -> None:
        first = self.back_up_snapshot('first')
        self.box.faults.fail_next('create', self.volume, 'no space')
        failed = self.make_failed_backup(self.volume)
        self.make_older(self.volume)
        self.prune('--keep-last 1 --delete-failed 1h')
        self.assertEqual(self.backups(), {first, failed})
        self.assert_restores(first, 'first')

    def test_backups_of_snapshots_are_deleted_together(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        self.remove_row(failed)
        new = self.back_up_snapshot('new')
        full = self.make_backup(self.volume)
        rows = self.prune('--keep-last 1')
        self.assertEqual({rows[destroyed][0], rows[new][0]}, {'delete'})
        self.assertEqual(self.backups(), {full})
        self.assert_restores(full, 'new')

    def test_property_does_not_separate_backups_that_share_an_image(self) -> None:
        destroyed, failed = self.destroy_by_incremental()
        self.remove_row(failed)
        self.set_metadata(destroyed, {'job': 'old'})
        new = self.back_up_snapshot('new')
        self.prune('--keep-last 1 --allow-empty --property job=old --keep-property nosuch')
        self.assertEqual(self.backups(), {destroyed, new})
        self.assert_restores(new, 'new')

    def set_metadata(self, backup: str, metadata: dict[str, str]) -> None:
        body = {'backup': {'metadata': metadata}}
        self.project.member.block_storage('PUT', f'/backups/{backup}', body)

    def test_ordinary_chains_are_pruned(self) -> None:
        full = self.make_backup(self.volume)
        incremental = self.make_backup(self.volume, incremental=True)
        self.write_volume(self.volume, 'newest')
        newest = self.make_backup(self.volume)
        rows = self.prune('--keep-last 1')
        self.assertEqual({rows[full][0], rows[incremental][0]}, {'delete'})
        self.assertEqual(self.backups(), {newest})
        self.assert_restores(newest, 'newest')


class OrphanTest(SnapshotTest):
    """Incremental backups whose parents are not in the database; on Ceph they restore."""

    def make_orphan(self) -> str:
        """Return an incremental with the text "new" that was imported without its parent."""
        full = self.make_backup(self.volume)
        self.write_volume(self.volume, 'new')
        incremental = self.make_backup(self.volume, incremental=True)
        path = f'/backups/{incremental}/export_record'
        record = self.project.admin.block_storage('GET', path)['backup-record']
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", incremental)
        self.remove_backup(full)
        self.project.admin.block_storage(
            'POST', '/backups/import_record', {'backup-record': record}
        )
        self.wait_for('backup', incremental)
        return incremental

    def prune(self, options: str) -> None:
        command = f'volume backup prune --volume {self.volume} {options} --auto-approve'
        result = self.run_openstack(command, self.admin_here)
        self.assertEqual(result.status, 0, result.stderr)

    def test_last_backup_survives_prune(self) -> None:
        orphan = self.make_orphan()
        for rule in ('--keep-full 1', '--keep-within 1s', '--keep-property nosuch'):
            with self.subTest(rule=rule):
                self.prune(rule)
                self.assert_restores(orphan, 'new')

    def test_newest_of_several_survives_prune(self) -> None:
        orphan = self.make_orphan()
        child = self.make_backup(self.volume, incremental=True)
        self.prune('--keep-property nosuch')
        self.assertEqual(self.status('backup', child), 'available')
        self.assert_restores(child, 'new')
        self.assertIn(orphan, self.backups())

    def test_parent_deleted_by_an_administrator_of_another_project_is_not_needed(self) -> None:
        full = self.make_backup(self.volume)
        self.write_volume(self.volume, 'new')
        incremental = self.make_backup(self.volume, incremental=True)
        self.remove_backup(full, Account(self.box, 'admin', 'admin'))
        self.prune('--keep-property nosuch')
        self.assert_restores(incremental, 'new')


class ChunkedTest(FunctionalTest):
    """Clouds on which Ceph can be excluded: nothing is refused."""

    def test_backups_of_snapshots_are_independent(self) -> None:
        volume = self.make_volume()
        first, second = self.make_snapshot(volume), self.make_snapshot(volume)
        content = os.urandom(2**16)
        self.box.volume_file(volume).write_bytes(content)
        made = [
            self.openstack(f'{CREATE} {volume} --snapshot {snapshot} --wait')
            for snapshot in (first, second)
        ]
        made.append(self.openstack(f'{CREATE} {volume} --incremental --wait'))
        self.backup(f'delete {made[0]} --wait')
        restored = self.make_restored(made[-1])
        self.assertEqual(self.box.volume_file(restored).read_bytes()[: 2**16], content)
