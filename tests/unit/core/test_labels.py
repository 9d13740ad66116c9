# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core import labels
from backupext.core.models import Attachment, Backup, Volume

VOLUME = Volume('v', 'mail', volume_type='ssd', availability_zone='az1', bootable='false')


class LabelsTest(unittest.TestCase):
    def test_properties_name_the_rotation_and_the_origin(self) -> None:
        origin = labels.describe(VOLUME, Attachment('s', '/dev/vdb'), 'mx')
        self.assertEqual(
            labels.properties('gold', 'r1', origin, project='p', parent=Backup('b')),
            {
                'backupext:rotation': 'gold',
                'backupext:run': 'r1',
                'backupext:project': 'p',
                'backupext:parent': 'b',
                'backupext:volume-name': 'mail',
                'backupext:volume-type': 'ssd',
                'backupext:availability-zone': 'az1',
                'backupext:bootable': 'false',
                'backupext:server': 's',
                'backupext:server-name': 'mx',
                'backupext:device': '/dev/vdb',
            },
        )

    def test_unknown_properties_are_left_out(self) -> None:
        properties = labels.properties('gold', 'r1', labels.describe(Volume('v', '')))
        self.assertEqual(properties, {'backupext:rotation': 'gold', 'backupext:run': 'r1'})

    def test_long_values_are_cut(self) -> None:
        properties = labels.properties('gold', 'r1', labels.describe(Volume('v', 'n' * 256)))
        self.assertEqual(properties['backupext:volume-name'], 'n' * 255)

    def test_origin_is_read_from_the_properties(self) -> None:
        origin = labels.describe(VOLUME, Attachment('s', '/dev/vdb'), 'mx')
        backup = Backup('b', metadata=labels.properties('gold', 'r1', origin))
        self.assertEqual(labels.origin_of(backup), origin)
        self.assertEqual((labels.label_of(backup), labels.run_of(backup)), ('gold', 'r1'))

    def test_expected_parent_is_read_from_the_properties(self) -> None:
        properties = labels.properties('gold', 'r1', labels.Origin(), parent=Backup('p'))
        self.assertEqual(labels.parent_of(Backup('b', metadata=properties)), 'p')

    def test_backup_without_properties_has_no_label(self) -> None:
        for properties in (None, {}, {'rotation': 'gold'}):
            backup = Backup('b', metadata=properties)
            self.assertIsNone(labels.label_of(backup))
            self.assertIsNone(labels.run_of(backup))
            self.assertIsNone(labels.parent_of(backup))
            self.assertEqual(labels.origin_of(backup), labels.Origin())
