# SPDX-License-Identifier: Apache-2.0
"""What may be deleted as a scratch volume; the command's tests have the messages."""

import unittest
from dataclasses import replace

from backupext.core.models import Attachment, Volume
from backupext.core.scratch import (
    Mark,
    find_key_objection,
    find_leftover_objection,
    find_mark,
    find_objection,
)
from tests.unit.rows import ID, OTHER_ID

MARK = Mark('0badcafe', ID)
RESTORED = Volume(
    'v',
    MARK.name,
    'available',
    encrypted=False,
    metadata={'src_backup_id': ID},
    project_id='p',
    description=MARK.description,
)
FAILED = replace(RESTORED, status='error_restoring', metadata=MARK.properties)


class MarkTest(unittest.TestCase):
    def test_mark_is_read_from_name_and_description(self) -> None:
        self.assertEqual(find_mark(RESTORED), MARK)

    def test_neither_is_enough_alone(self) -> None:
        other = Mark('0badcafe', OTHER_ID)
        for changes in (
            {'name': None},
            {'name': f' {MARK.name}'},
            {'name': other.name},
            {'description': None},
            {'description': other.description},
        ):
            with self.subTest(changes):
                self.assertIsNone(find_mark(replace(RESTORED, **changes)))

    def test_kept_volume_has_no_mark_of_a_scratch_volume(self) -> None:
        kept = MARK._replace(is_kept=True)
        volume = replace(RESTORED, name=kept.name, description=kept.description)
        self.assertTrue(kept.is_on(volume))
        self.assertIsNone(find_mark(volume))

    def test_cinder_does_not_rename_the_volume_after_a_restore(self) -> None:
        # It renames those whose names begin like the names that it gives.
        self.assertFalse(MARK.name.startswith('restore_backup_'))


class ObjectionTest(unittest.TestCase):
    def test_restored_and_failed_volumes_may_be_deleted(self) -> None:
        for volume in (RESTORED, FAILED, replace(FAILED, status='error')):
            self.assertIsNone(find_objection(volume, MARK, 'p'))
            self.assertIsNone(find_leftover_objection(volume, MARK, 'p'))

    def test_changed_volume_must_not_be_deleted(self) -> None:
        for changes in (
            {'name': 'precious'},
            {'description': 'precious'},
            {'attachments': (Attachment('s', '/dev/vdb'),)},
            {'project_id': 'q'},
            *(
                {'status': status}
                for status in ('in-use', 'attaching', 'backing-up', 'creating', 'maintenance', None)
            ),
        ):
            with self.subTest(changes):
                volume = replace(RESTORED, **changes)  # type: ignore[arg-type]
                self.assertIsNotNone(find_objection(volume, MARK, 'p'))
                self.assertIsNotNone(find_leftover_objection(volume, MARK, 'p'))

    def test_leftover_needs_a_property_of_the_restore(self) -> None:
        for volume in (
            replace(RESTORED, metadata=None),
            replace(RESTORED, metadata={'src_backup_id': OTHER_ID}),
            replace(RESTORED, metadata=MARK.properties),
            replace(FAILED, metadata={}),
            replace(FAILED, metadata={'backupext:verify': '0badcaff'}),
        ):
            with self.subTest(volume):
                self.assertIsNotNone(find_leftover_objection(volume, MARK, 'p'))

    def test_failed_encrypted_leftover_must_not_be_deleted(self) -> None:
        self.assertIsNotNone(find_leftover_objection(replace(FAILED, encrypted=True), MARK, 'p'))
        self.assertIsNone(find_leftover_objection(replace(RESTORED, encrypted=True), MARK, 'p'))


class KeyTest(unittest.TestCase):
    SECRET = replace(FAILED, encrypted=True, encryption_key_id='own')

    def objects(self, volume: Volume, key: str | None, *, shows_keys: bool = True) -> bool:
        return find_key_objection(volume, key, shows_keys=shows_keys) is not None

    def test_failed_volume_must_have_the_key_that_it_was_created_with(self) -> None:
        self.assertFalse(self.objects(self.SECRET, 'own'))
        self.assertTrue(self.objects(self.SECRET, 'other'))
        self.assertTrue(self.objects(self.SECRET, None))

    def test_hidden_key_is_the_fixed_one_only_if_the_cloud_shows_keys(self) -> None:
        hidden = replace(self.SECRET, encryption_key_id=None)
        self.assertFalse(self.objects(hidden, None))
        self.assertTrue(self.objects(hidden, None, shows_keys=False))

    def test_restored_and_unencrypted_volumes_are_not_affected(self) -> None:
        self.assertFalse(self.objects(replace(self.SECRET, status='available'), 'other'))
        self.assertFalse(self.objects(FAILED, 'other', shows_keys=False))
