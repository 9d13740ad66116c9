# SPDX-License-Identifier: Apache-2.0
"""The sandbox's clouds do with backups what real ones do; the other tests rely on it.

These tests use the API and run no command. They expect what a real Ceph, Cinder 29 and Cinder 21
were seen to do.
"""

from typing import Any

from tests.functional.api import Account, Restricted
from tests.functional.base import (
    CephTest,
    FunctionalTest,
    make_project,
    old_parent_rule_sandbox,
)
from tests.sandbox import SandboxError
from tests.sandbox.rbd import POOL, SECOND_POOL, own_image, shared_image

IMAGE_EXISTS = '[errno 17] RBD image already exists (error creating image)'


class StorageTest(FunctionalTest):
    """A test of what Cinder does with backups."""

    def row(self, kind: str, id_: str) -> dict[str, Any]:
        """Return what the API shows of a volume or a backup."""
        answer = self.project.member.block_storage('GET', f'/{kind}s/{id_}')
        row: dict[str, Any] = answer[kind]
        return row

    def kind(self, backup: str) -> str:
        return 'incremental' if self.row('backup', backup)['is_incremental'] else 'full'

    def parent(self, backup: str) -> str | None:
        """Return the parent's ID, which the API does not show."""
        parent: str | None = self.sql('SELECT parent_id FROM backups WHERE id = ?', backup)[0][0]
        return parent

    def refusal_of_backup(self, volume: str, **attributes: Any) -> tuple[int, str]:
        """Request a backup that Cinder must refuse; return the HTTP status and the reason."""
        backup = {'volume_id': volume, **attributes}
        return self.project.member.refusal('POST', '/backups', {'backup': backup})

    def export(self, backup: str) -> dict[str, str]:
        """Return a backup's record, exported by an administrator."""
        answer = self.project.admin.block_storage('GET', f'/backups/{backup}/export_record')
        record: dict[str, str] = answer['backup-record']
        return record

    def import_(self, record: dict[str, str], status: str = 'available') -> str:
        """Import a record, wait for the backup's status, and return its ID."""
        answer = self.project.admin.block_storage(
            'POST', '/backups/import_record', {'backup-record': record}
        )
        id_ = str(answer['backup']['id'])
        self.wait_for('backup', id_, status)
        return id_

    def make_chain(self) -> tuple[str, str, str]:
        """Return a volume, its full backup with the text "full", an incremental with "new"."""
        volume = self.make_volume()
        self.write_volume(volume, 'full')
        full = self.make_backup(volume)
        self.write_volume(volume, 'new')
        return volume, full, self.make_backup(volume, incremental=True)

    def back_up_oldest_snapshot(self) -> tuple[str, str]:
        """Return a volume's newest backup, and an incremental of a snapshot older than any."""
        volume = self.make_volume()
        self.write_volume(volume, 'snapshot')
        snapshot = self.make_snapshot(volume)
        self.write_volume(volume, 'later')
        self.make_backup(volume)
        newest = self.make_backup(volume)
        return newest, self.make_backup(volume, snapshot_id=snapshot, incremental=True)

    def forget_row(self, backup: str) -> None:
        """Delete a backup from the database only, as if another cloud had made it."""
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)


class CephStorageTest(StorageTest, CephTest):
    """A test of what Cinder does with backups on Ceph."""

    def images(self, volume: str, pool: str = POOL) -> list[str]:
        """Return the names of the images with backups of a volume."""
        images = self.box.ceph.pool(pool).images
        return [image for image in images if image.startswith(f'volume-{volume}.')]


class CephChainTest(CephStorageTest):
    """Full and incremental backups of volumes."""

    def test_object_count_is_zero(self) -> None:
        _, full, incremental = self.make_chain()
        for backup in (full, incremental):
            self.assertEqual(self.row('backup', backup)['object_count'], 0)

    def test_record_names_the_driver(self) -> None:
        record = self.export(self.make_backup(self.make_volume()))
        self.assertEqual(record['backup_service'], 'cinder.backup.drivers.ceph.CephBackupDriver')

    def test_container_is_the_pool(self) -> None:
        self.assertEqual(
            self.row('backup', self.make_backup(self.make_volume()))['container'], POOL
        )

    def test_image_of_a_chain_is_removed_with_its_last_backup(self) -> None:
        volume, full, incremental = self.make_chain()
        self.assertEqual(self.images(volume), [own_image(volume, full)])
        self.remove_backup(incremental)
        self.assertEqual(self.images(volume), [own_image(volume, full)])
        self.remove_backup(full)
        self.assertEqual(self.images(volume), [])

    def test_each_backup_restores_its_own_data(self) -> None:
        volume, full, incremental = self.make_chain()
        self.assertEqual(self.read_volume(self.make_restored(full)), 'full')
        self.assertEqual(self.read_volume(self.make_restored(incremental)), 'new')
        self.make_restored(full, volume)
        self.assertEqual(self.read_volume(volume), 'full')

    def test_parent_cannot_be_deleted_before_its_child(self) -> None:
        _, full, _ = self.make_chain()
        self.assertEqual(
            self.project.member.refusal('DELETE', f'/backups/{full}'),
            (400, 'Invalid backup: Incremental backups exist for this backup.'),
        )

    def test_incremental_restores_without_its_parent(self) -> None:
        _, full, incremental = self.make_chain()
        self.remove_backup(full, Account(self.box, 'admin', 'admin'))
        self.assertEqual(self.read_volume(self.make_restored(incremental)), 'new')

    def test_incremental_imported_without_its_parent_restores(self) -> None:
        _, full, incremental = self.make_chain()
        record = self.export(incremental)
        self.forget_row(incremental)
        self.remove_backup(full)
        self.assertEqual(self.import_(record), incremental)
        self.assertEqual(self.read_volume(self.make_restored(incremental)), 'new')

    def test_import_does_not_check_the_image(self) -> None:
        volume, full, _ = self.make_chain()
        record = self.export(full)
        self.forget_row(full)
        self.box.lose_backup(full)
        self.assertEqual(self.images(volume), [])
        self.make_restored(self.import_(record), status='error_restoring')

    def test_incremental_of_a_grown_volume_works(self) -> None:
        volume, full, incremental = self.make_chain()
        self.extend(volume)
        self.write_volume(volume, 'grown')
        grown = self.make_backup(volume, incremental=True)
        self.assertEqual(self.kind(grown), 'incremental')
        larger = self.make_volume(size=2)
        self.assertEqual(self.read_volume(self.make_restored(grown, larger)), 'grown')
        self.assertEqual(self.read_volume(self.make_restored(incremental)), 'new')
        self.assertEqual(self.read_volume(self.make_restored(full)), 'full')

    def extend(self, volume: str) -> None:
        self.project.member.block_storage(
            'POST', f'/volumes/{volume}/action', {'os-extend': {'new_size': 2}}
        )
        self.wait_until(
            lambda: (self.row('volume', volume)['size'], self.status('volume', volume)),
            (2, 'available'),
        )

    def test_volume_in_use_is_backed_up_without_a_temporary_snapshot(self) -> None:
        volume, *_ = self.make_chain()
        self.sql("UPDATE volumes SET status = 'in-use' WHERE id = ?", volume)
        self.make_backup(volume, incremental=True, force=True)
        self.assertEqual(self.status('volume', volume), 'in-use')
        # The table includes deleted snapshots.
        self.assertEqual(self.sql('SELECT id FROM snapshots WHERE volume_id = ?', volume), [])

    def test_force_delete_is_refused(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assertEqual(
            self.project.admin.refusal(
                'POST', f'/backups/{backup}/action', {'os-force_delete': {}}
            ),
            (405, 'Operation not supported: force delete.'),
        )
        self.assertEqual(self.status('backup', backup), 'available')

    def test_deletion_that_fails_on_a_busy_image_can_be_repeated(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        watcher = self.box.ceph.pool().open(own_image(volume, backup)).watcher
        watcher.touch()
        self.project.member.block_storage('DELETE', f'/backups/{backup}')
        self.wait_for('backup', backup, 'error')
        self.assertEqual(
            self.fail_reason(backup), '[errno 16] RBD image is busy (error removing image)'
        )
        watcher.unlink()
        self.remove_backup(backup)
        self.assertEqual(self.images(volume), [])


class CephSourceSnapshotTest(CephStorageTest):
    """The snapshots on the source volume, which incremental backups need."""

    def setUp(self) -> None:
        self.addCleanup(setattr, self.box.ceph, 'max_snapshots', 0)

    def remove_source_snapshot(self, volume: str, backup: str) -> None:
        snapshots = self.box.ceph.source_snapshots(volume)
        name = snapshots.of(backup)
        assert name is not None
        snapshots.remove(name)

    def test_deleted_backup_leaves_its_snapshot_on_the_volume(self) -> None:
        volume, _, incremental = self.make_chain()
        self.remove_backup(incremental)
        self.assertEqual(len(self.box.ceph.source_snapshots(volume).names), 2)

    def test_incrementals_fail_without_their_parents_snapshot(self) -> None:
        volume, full, incremental = self.make_chain()
        self.remove_source_snapshot(volume, incremental)
        for _ in range(2):
            failed = self.make_failed_backup(volume, incremental=True)
            self.assertIn('RBD diff op failed', self.fail_reason(failed))
            self.assertEqual(self.parent(failed), incremental)
        self.make_backup(volume)
        self.assertEqual(self.kind(self.make_backup(volume, incremental=True)), 'incremental')
        # The failed backup and its deletion did no harm to the chain.
        self.remove_backup(failed)
        self.assertEqual(self.read_volume(self.make_restored(full)), 'full')
        self.assertEqual(self.read_volume(self.make_restored(incremental)), 'new')

    def test_incremental_becomes_full_when_its_parents_snapshot_was_removed(self) -> None:
        self.box.ceph.max_snapshots = 1
        volume, _, incremental = self.make_chain()
        self.remove_backup(incremental)
        with self.box.faults.hold('create', volume):
            backup = self.begin_backup(volume, incremental=True)
            self.assertEqual(self.kind(backup), 'incremental')
        self.wait_for('backup', backup)
        self.assertEqual((self.kind(backup), self.parent(backup)), ('full', None))
        self.assertIn(own_image(volume, backup), self.images(volume))
        self.assertEqual(self.read_volume(self.make_restored(backup)), 'new')
        self.assert_warned(volume)

    def assert_warned(self, volume: str) -> None:
        path = f'/messages?resource_uuid={volume}'
        messages = self.project.member.block_storage('GET', path)['messages']
        found = [(message['message_level'], message['user_message']) for message in messages]
        sentence = 'Incremental backup not possible, forcing full backup.'
        self.assertEqual(found, [('WARNING', f'create backup:{sentence}')])

    def test_incremental_stays_incremental_while_its_parents_snapshot_is_kept(self) -> None:
        self.box.ceph.max_snapshots = 1
        volume, *_ = self.make_chain()
        self.assertEqual(self.kind(self.make_backup(volume, incremental=True)), 'incremental')
        self.assertEqual(len(self.box.ceph.source_snapshots(volume).names), 1)


class CephPoolTest(CephStorageTest):
    """Backups with a container."""

    def test_backup_in_a_missing_pool_fails(self) -> None:
        failed = self.make_failed_backup(self.make_volume(), container='nowhere')
        self.assertEqual(
            self.fail_reason(failed),
            "[errno 2] RADOS object not found (error opening pool 'nowhere')",
        )
        self.remove_backup(failed)

    def test_backup_in_another_pool_cannot_be_restored(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume, container=SECOND_POOL)
        self.assertEqual(self.images(volume, SECOND_POOL), [own_image(volume, backup)])
        self.make_restored(backup, status='error_restoring')
        self.remove_backup(backup)
        self.assertEqual(self.images(volume, SECOND_POOL), [])

    def test_incremental_of_a_backup_in_another_pool_must_name_that_pool(self) -> None:
        volume = self.make_volume()
        full = self.make_backup(volume, container=SECOND_POOL)
        failed = self.make_failed_backup(volume, incremental=True)
        name = own_image(volume, full)
        self.assertEqual(self.fail_reason(failed), f"Can't find base name image {name}.")
        backup = self.make_backup(volume, incremental=True, container=SECOND_POOL)
        self.make_restored(backup, status='error_restoring')


class CephSnapshotTest(CephStorageTest):
    """Backups of snapshots, which share one image of their volume."""

    def setUp(self) -> None:
        self.volume = self.make_volume()
        self.shared = shared_image(self.volume)

    def back_up_snapshot(self, text: str) -> str:
        """Write text to the volume, and back up a new snapshot of it."""
        self.write_volume(self.volume, text)
        return self.make_backup(self.volume, snapshot_id=self.make_snapshot(self.volume))

    def fail_to_back_up_snapshot(self, **attributes: Any) -> str:
        """Request a backup of a new snapshot, which fails because the image exists."""
        snapshot = self.make_snapshot(self.volume)
        failed = self.make_failed_backup(self.volume, snapshot_id=snapshot, **attributes)
        self.assertEqual(self.fail_reason(failed), IMAGE_EXISTS)
        return failed

    def destroy_by_incremental(self, parent: str) -> str:
        """Request an incremental whose parent is a backup of a snapshot; return its ID."""
        failed = self.make_failed_backup(self.volume, incremental=True)
        self.assertEqual(
            self.fail_reason(failed),
            f"Can't find snapshot from parent {parent} and base name image {self.shared}.",
        )
        return failed

    def assert_destroyed(self, backup: str) -> None:
        """Expect that a backup is available and cannot be restored."""
        self.assertEqual(self.status('backup', backup), 'available')
        self.make_restored(backup, status='error_restoring')

    def test_backup_of_a_snapshot_restores(self) -> None:
        backup = self.back_up_snapshot('snapshot')
        self.assertEqual(self.images(self.volume), [self.shared])
        self.assertEqual(self.row('backup', backup)['object_count'], 0)
        self.assertEqual(self.read_volume(self.make_restored(backup)), 'snapshot')

    def test_incremental_of_a_snapshot_is_a_full_copy_in_the_shared_image(self) -> None:
        full = self.make_backup(self.volume)
        self.write_volume(self.volume, 'snapshot')
        snapshot = self.make_snapshot(self.volume)
        backup = self.make_backup(self.volume, snapshot_id=snapshot, incremental=True)
        self.assertEqual((self.kind(backup), self.parent(backup)), ('incremental', full))
        images = {own_image(self.volume, full), self.shared}
        self.assertEqual(set(self.images(self.volume)), images)
        self.assertEqual(self.read_volume(self.make_restored(backup)), 'snapshot')

    def test_second_backup_fails_and_its_deletion_destroys_the_first(self) -> None:
        first = self.back_up_snapshot('first')
        failed = self.fail_to_back_up_snapshot()
        self.assertEqual(self.read_volume(self.make_restored(first)), 'first')
        self.remove_backup(failed)
        self.assertEqual(self.images(self.volume), [])
        self.assert_destroyed(first)

    def test_deleting_a_failed_full_backup_of_the_volume_destroys_it(self) -> None:
        first = self.back_up_snapshot('first')
        self.box.faults.fail_next('create', self.volume, 'no space')
        self.remove_backup(self.make_failed_backup(self.volume))
        self.assert_destroyed(first)

    def test_incremental_destroys_its_parent(self) -> None:
        parent = self.back_up_snapshot('parent')
        self.destroy_by_incremental(parent)
        self.assertEqual(self.images(self.volume), [])
        self.assert_destroyed(parent)
        failed = self.make_failed_backup(self.volume, incremental=True)
        self.assertEqual(self.fail_reason(failed), f"Can't find base name image {self.shared}.")

    def test_incrementals_work_again_after_a_full_backup(self) -> None:
        self.destroy_by_incremental(self.back_up_snapshot('parent'))
        self.make_backup(self.volume)
        self.make_backup(self.volume, incremental=True)

    def test_incrementals_work_again_after_their_destroyed_parent_is_deleted(self) -> None:
        full = self.make_backup(self.volume)
        parent = self.back_up_snapshot('parent')
        self.remove_backup(self.destroy_by_incremental(parent))
        self.remove_backup(parent)
        backup = self.make_backup(self.volume, incremental=True)
        self.assertEqual(self.parent(backup), full)

    def test_deleted_incremental_leaves_the_image_behind(self) -> None:
        self.make_backup(self.volume)
        snapshot = self.make_snapshot(self.volume)
        self.remove_backup(self.make_backup(self.volume, snapshot_id=snapshot, incremental=True))
        self.assertIn(self.shared, self.images(self.volume))
        # Deleting a failed incremental does not remove it; deleting a failed full backup does.
        self.remove_backup(self.fail_to_back_up_snapshot(incremental=True))
        self.remove_backup(self.fail_to_back_up_snapshot())
        self.back_up_snapshot('after')

    def test_deleting_a_destroyed_backup_destroys_a_newer_one(self) -> None:
        destroyed = self.back_up_snapshot('old')
        self.remove_backup(self.fail_to_back_up_snapshot())
        new = self.back_up_snapshot('new')
        self.assertEqual(self.read_volume(self.make_restored(new)), 'new')
        self.remove_backup(destroyed)
        self.assert_destroyed(new)

    def test_deleting_the_failed_incremental_destroys_a_newer_backup(self) -> None:
        failed = self.destroy_by_incremental(self.back_up_snapshot('parent'))
        new = self.back_up_snapshot('new')
        self.assertEqual(self.read_volume(self.make_restored(new)), 'new')
        self.remove_backup(failed)
        self.assert_destroyed(new)

    def test_incremental_becomes_full_where_source_snapshots_are_limited(self) -> None:
        self.box.ceph.max_snapshots = 1
        self.addCleanup(setattr, self.box.ceph, 'max_snapshots', 0)
        parent = self.back_up_snapshot('parent')
        self.assertEqual(self.kind(self.make_backup(self.volume, incremental=True)), 'full')
        self.assertEqual(self.read_volume(self.make_restored(parent)), 'parent')


class ChunkedTest(StorageTest):
    """The same with Cinder's POSIX driver, which most tests use."""

    def test_full_backup_has_objects(self) -> None:
        _, full, _ = self.make_chain()
        self.assertGreaterEqual(self.row('backup', full)['object_count'], 1)

    def test_incremental_does_not_restore_without_its_parent(self) -> None:
        _, full, incremental = self.make_chain()
        self.remove_backup(full, Account(self.box, 'admin', 'admin'))
        self.make_restored(incremental, status='error_restoring')

    def test_grown_volume_needs_a_full_backup(self) -> None:
        volume, *_ = self.make_chain()
        self.sql('UPDATE volumes SET size = 2 WHERE id = ?', volume)
        failed = self.make_failed_backup(volume, incremental=True)
        self.assertIn('Do a full backup', self.fail_reason(failed))

    def test_failed_newest_backup_is_passed_over(self) -> None:
        volume, _, incremental = self.make_chain()
        self.box.faults.fail_next('create', volume, 'no space')
        self.make_failed_backup(volume)
        self.assertEqual(self.parent(self.make_backup(volume, incremental=True)), incremental)

    def test_newest_backup_is_the_parent_where_none_is_older_than_the_snapshot(self) -> None:
        newest, backup = self.back_up_oldest_snapshot()
        self.assertEqual(self.parent(backup), newest)
        self.assertEqual(self.read_volume(self.make_restored(backup)), 'snapshot')


class OldParentRuleTest(StorageTest):
    """A cloud that chooses the parent of an incremental as Cinder 21 does."""

    refused = (
        400,
        'Invalid backup: The parent backup must be available for incremental backup.',
    )

    @classmethod
    def setUpClass(cls) -> None:
        cls.box = old_parent_rule_sandbox()
        cls.project = make_project(cls.box)

    def make_broken_chain(self) -> tuple[str, str, str]:
        """Return a volume, its newest available backup, and a newer backup that failed."""
        volume, _, incremental = self.make_chain()
        self.box.faults.fail_next('create', volume, 'no space')
        return volume, incremental, self.make_failed_backup(volume, incremental=True)

    def test_latest_available_backup_is_the_parent(self) -> None:
        volume, _, incremental = self.make_chain()
        self.assertEqual(self.parent(self.make_backup(volume, incremental=True)), incremental)

    def test_failed_newest_backup_blocks_incrementals_until_it_is_deleted(self) -> None:
        volume, incremental, failed = self.make_broken_chain()
        self.assertEqual(self.refusal_of_backup(volume, incremental=True), self.refused)
        self.assertEqual(self.status('volume', volume), 'available')
        self.remove_backup(failed)
        self.assertEqual(self.parent(self.make_backup(volume, incremental=True)), incremental)

    def test_full_backup_unblocks_incrementals(self) -> None:
        volume, *_ = self.make_broken_chain()
        full = self.make_backup(volume)
        self.assertEqual(self.parent(self.make_backup(volume, incremental=True)), full)

    def test_restoring_newest_backup_blocks_incrementals(self) -> None:
        volume, _, incremental = self.make_chain()
        with self.box.faults.hold('restore', incremental):
            self.begin_restore(incremental, self.make_volume())
            self.assertEqual(self.refusal_of_backup(volume, incremental=True), self.refused)
        self.wait_for('backup', incremental)
        self.make_backup(volume, incremental=True)

    def test_parent_of_a_snapshots_backup_is_older_than_the_snapshot(self) -> None:
        volume, incremental, _ = self.make_broken_chain()
        self.write_volume(volume, 'snapshot')
        snapshot = self.make_snapshot(volume)
        attributes: dict[str, Any] = {'snapshot_id': snapshot, 'incremental': True}
        self.assertEqual(self.refusal_of_backup(volume, **attributes), self.refused)
        self.put_before(snapshot, incremental)
        backup = self.make_backup(volume, **attributes)
        self.assertEqual(self.parent(backup), incremental)

    def put_before(self, snapshot: str, backup: str) -> None:
        """Make one backup older than a snapshot; all others stay newer."""
        self.sql(
            "UPDATE snapshots SET created_at = '2026-01-02 00:00:00.000000' WHERE id = ?", snapshot
        )
        self.sql(
            "UPDATE backups SET data_timestamp = '2026-01-01 00:00:00.000000' WHERE id = ?", backup
        )

    def test_volume_without_backups_has_no_parent(self) -> None:
        self.assertEqual(
            self.refusal_of_backup(self.make_volume(), incremental=True),
            (400, 'Invalid backup: No backups available to do an incremental backup.'),
        )

    def test_newest_backup_is_the_parent_where_none_is_older_than_the_snapshot(self) -> None:
        newest, backup = self.back_up_oldest_snapshot()
        self.assertEqual(self.parent(backup), newest)


class EncryptedTest(StorageTest):
    """Backups of volumes of an encrypted type."""

    def make_secret_backup(self) -> str:
        volume = self.make_volume(volume_type='secret')
        self.write_volume(volume, 'secret')
        return self.make_backup(volume)

    def test_volumes_of_the_secret_types_are_encrypted(self) -> None:
        for name in ('secret', 'secret-2'):
            volume = self.row('volume', self.make_volume(volume_type=name))
            self.assertEqual((volume['volume_type'], volume['encrypted']), (name, True))
        self.assertFalse(self.row('volume', self.make_volume())['encrypted'])

    def test_only_backups_of_encrypted_volumes_have_a_key(self) -> None:
        self.assertIn('encryption_key_id', self.row('backup', self.make_secret_backup()))
        plain = self.make_backup(self.make_volume())
        self.assertNotIn('encryption_key_id', self.row('backup', plain))

    def test_restore_to_the_same_type_works(self) -> None:
        target = self.make_volume(volume_type='secret')
        self.make_restored(self.make_secret_backup(), target)
        self.assertEqual(self.read_volume(target), 'secret')

    def test_restore_to_another_type_leaves_the_volume_in_error(self) -> None:
        backup = self.make_secret_backup()
        for name in ('secret-2', '__DEFAULT__'):
            with self.subTest(type=name):
                target = self.make_volume(volume_type=name)
                self.make_restored(backup, target, status='error_restoring')
                self.assertEqual(self.row('backup', backup)['fail_reason'], None)

    def test_restore_to_a_new_volume_of_the_default_type_fails(self) -> None:
        backup = self.make_secret_backup()
        answer = self.project.member.block_storage(
            'POST', f'/backups/{backup}/restore', {'restore': {'name': self.unique('new')}}
        )
        self.wait_for('volume', answer['restore']['volume_id'], 'error_restoring')


class FaultTest(StorageTest):
    """Delays and failures that a test asks for."""

    def test_creation_fails_once(self) -> None:
        volume = self.make_volume()
        self.box.faults.fail_next('create', volume, 'no space left')
        self.assertEqual(self.fail_reason(self.make_failed_backup(volume)), 'no space left')
        self.make_backup(volume)

    def test_deletion_fails_once(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.box.faults.fail_next('delete', backup, 'permission denied')
        self.project.member.block_storage('DELETE', f'/backups/{backup}')
        self.wait_for('backup', backup, 'error')
        self.assertEqual(self.fail_reason(backup), 'permission denied')
        self.remove_backup(backup)

    def test_restore_fails_once(self) -> None:
        _, full, _ = self.make_chain()
        self.box.faults.fail_next('restore', full, 'permission denied')
        self.make_restored(full, status='error_restoring')
        self.assertEqual(self.read_volume(self.make_restored(full)), 'full')

    def test_deletion_waits_while_it_is_held(self) -> None:
        backup = self.make_backup(self.make_volume())
        with self.box.faults.hold('delete', backup):
            self.project.member.block_storage('DELETE', f'/backups/{backup}')
            self.assertEqual(self.row('backup', backup)['status'], 'deleting')
        self.wait_for('backup', backup, 'deleted')

    def test_held_restore_can_be_aborted(self) -> None:
        _, full, _ = self.make_chain()
        target = self.make_volume()
        with self.box.faults.hold('restore', full):
            self.begin_restore(full, target)
            self.project.admin.block_storage(
                'POST', f'/backups/{full}/action', {'os-reset_status': {'status': 'error'}}
            )
            self.wait_for('backup', full, 'error')
        self.wait_for('volume', target, 'error')

    def test_lost_backup_cannot_be_restored(self) -> None:
        _, full, _ = self.make_chain()
        self.box.lose_backup(full)
        self.make_restored(full, status='error_restoring')
        with self.assertRaises(SandboxError):
            self.box.lose_backup(full)


class CredentialTest(StorageTest):
    """Application credentials with access rules."""

    def test_access_rules_are_enforced(self) -> None:
        restricted = Restricted(self.project.member, [('GET', '/v3/backups')])
        self.assertEqual(restricted.block_storage('GET', '/backups'), {'backups': []})
        for method, path in (('GET', '/volumes'), ('POST', '/backups')):
            status, _ = restricted.refusal(method, path)
            self.assertEqual(status, 401)
