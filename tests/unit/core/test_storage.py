# SPDX-License-Identifier: Apache-2.0
import unittest
from typing import Any

from backupext.core import storage
from backupext.core.models import Backup


def backup(id_: str, **changes: Any) -> Backup:
    """Return an available full backup of a volume, as it is on Ceph."""
    said: dict[str, Any] = {
        'status': 'available',
        'volume_id': 'volume',
        'project_id': 'project',
        'is_incremental': False,
        'object_count': 0,
    }
    return Backup(id_, **{**said, **changes})


def of_snapshot(id_: str, **changes: Any) -> Backup:
    return backup(id_, **{'snapshot_id': 's', **changes})


def failed(id_: str, **changes: Any) -> Backup:
    return backup(id_, **{'status': 'error', 'fail_reason': 'disk', **changes})


CHUNKED = backup('chunked', object_count=3)


class MayBeCephTest(unittest.TestCase):
    def test_objects_of_a_full_backup_exclude_ceph(self) -> None:
        self.assertFalse(storage.may_be_ceph([backup('a'), CHUNKED]))

    def test_status_of_a_full_backup_with_objects_does_not_matter(self) -> None:
        self.assertFalse(storage.may_be_ceph([failed('a', object_count=1)]))

    def test_objects_of_an_incremental_backup_exclude_nothing(self) -> None:
        self.assertTrue(storage.may_be_ceph([backup('a', is_incremental=True, object_count=1)]))

    def test_no_objects_may_mean_ceph(self) -> None:
        self.assertTrue(storage.may_be_ceph([backup('a'), backup('b', object_count=None)]))
        self.assertTrue(storage.may_be_ceph([]))


class SharesDataTest(unittest.TestCase):
    def shared(self, one: Backup, *others: Backup, **options: Any) -> list[str]:
        return [each.id for each in storage.shares_data_with(one, [one, *others], **options)]

    def test_backups_of_snapshots_of_a_volume_share_their_data(self) -> None:
        others = [of_snapshot('b'), of_snapshot('c', snapshot_id='t', project_id='other')]
        self.assertEqual(self.shared(of_snapshot('a'), *others), ['b', 'c'])

    def test_failed_snapshot_backup_shares_data(self) -> None:
        self.assertEqual(self.shared(failed('a', snapshot_id='s'), of_snapshot('b')), ['b'])

    def test_backup_of_the_volume_shares_nothing(self) -> None:
        self.assertEqual(self.shared(backup('a'), of_snapshot('b')), [])
        self.assertEqual(self.shared(of_snapshot('a'), backup('b')), [])

    def test_other_volumes_are_ignored(self) -> None:
        others = [of_snapshot('b', volume_id='other'), backup('c', volume_id='v', object_count=1)]
        self.assertEqual(self.shared(of_snapshot('a'), of_snapshot('d'), *others), ['d'])

    def test_other_storage_shares_nothing(self) -> None:
        self.assertEqual(self.shared(of_snapshot('a'), of_snapshot('b'), CHUNKED), [])

    def test_only_restorable_backups_have_data_to_lose(self) -> None:
        for status, shared in (
            ('available', True),
            ('restoring', True),
            ('creating', True),
            ('error', False),
            ('error_deleting', False),
            ('deleting', False),
        ):
            with self.subTest(status):
                found = self.shared(of_snapshot('a'), of_snapshot('b', status=status))
                self.assertEqual(found, ['b'] if shared else [])

    def test_failed_incremental_of_a_snapshot_backup_shares_its_data(self) -> None:
        child = failed('a', is_incremental=True)
        parent = of_snapshot('p')
        self.assertEqual(self.shared(child, parent, parents=[parent]), ['p'])
        self.assertEqual(self.shared(child, parent, backup('f'), parents=[backup('f')]), [])

    def test_failed_incremental_with_unknown_parents_shares_data(self) -> None:
        child = failed('a', is_incremental=True)
        self.assertEqual(self.shared(child, of_snapshot('p')), ['p'])

    def test_finished_incremental_shares_nothing(self) -> None:
        child = backup('a', is_incremental=True)
        self.assertEqual(self.shared(child, of_snapshot('p')), [])

    def test_failed_backup_reset_to_available_shares_data(self) -> None:
        child = backup('a', is_incremental=True, fail_reason='disk')
        self.assertEqual(self.shared(child, of_snapshot('p')), ['p'])


class OneAfterAnotherTest(unittest.TestCase):
    def test_backups_that_may_share_data_follow_one_another(self) -> None:
        order = [of_snapshot('c'), backup('full'), failed('b'), of_snapshot('a')]
        self.assertEqual(storage.one_after_another(order), {'b': 'c', 'a': 'b'})

    def test_volumes_are_separate(self) -> None:
        order = [of_snapshot('a'), of_snapshot('b', volume_id='other'), of_snapshot('c')]
        self.assertEqual(storage.one_after_another(order), {'c': 'a'})

    def test_failed_backups_alone_share_nothing(self) -> None:
        self.assertEqual(storage.one_after_another([failed('a'), failed('b')]), {})

    def test_other_storage_shares_nothing(self) -> None:
        order = [of_snapshot('a'), of_snapshot('b', object_count=3)]
        self.assertEqual(storage.one_after_another(order), {})
