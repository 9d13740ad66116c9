# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core.quota import Limits, VolumeLimits


class LimitsTest(unittest.TestCase):
    def test_minus_one_means_no_limit(self) -> None:
        limits = Limits.from_api(
            {
                'maxTotalBackups': -1,
                'maxTotalBackupGigabytes': 1000,
                'totalBackupsUsed': 3,
                'totalBackupGigabytesUsed': 30,
            }
        )
        self.assertEqual(limits, Limits(None, 1000, 3, 30))

    def test_cloud_without_backup_limits_has_none(self) -> None:
        self.assertEqual(Limits.from_api({'maxTotalVolumes': 10}), Limits())

    def test_backup_that_fits_exactly_has_no_objection(self) -> None:
        self.assertIsNone(Limits(10, 100, 9, 90).find_objection(10))

    def test_number_of_backups_is_limited(self) -> None:
        self.assertEqual(
            Limits(10, 100, 10, 10).find_objection(1), 'the quota allows 10 backups, and 10 exist'
        )

    def test_size_of_backups_is_limited(self) -> None:
        self.assertEqual(
            Limits(10, 100, 1, 95).find_objection(6),
            'the quota allows 100 GiB of backups; 95 GiB exist and this backup needs 6 GiB',
        )

    def test_no_limit_allows_everything(self) -> None:
        self.assertIsNone(Limits(None, None, 10**6, 10**9).find_objection(10**6))

    def test_several_backups_are_counted_together(self) -> None:
        limits = Limits(10, 100, 8, 90)
        self.assertIsNone(limits.find_shortage(2, 10))
        self.assertIsNone(Limits().find_shortage(10**6, 10**9))
        self.assertEqual(
            limits.find_shortage(3, 10),
            'the quota allows 10 backups; 8 exist, and 3 more are needed',
        )
        self.assertEqual(
            limits.find_shortage(2, 11),
            'the quota allows 100 GiB of backups; 90 GiB exist, and 11 GiB more are needed',
        )

    def test_one_more_backup_counts(self) -> None:
        self.assertEqual(Limits(10, 100, 1, 5).with_one_more(7), Limits(10, 100, 2, 12))


class VolumeLimitsTest(unittest.TestCase):
    def test_minus_one_means_no_limit(self) -> None:
        limits = VolumeLimits.from_api(
            {
                'maxTotalVolumes': -1,
                'maxTotalVolumeGigabytes': 1000,
                'totalVolumesUsed': 3,
                'totalGigabytesUsed': 30,
            }
        )
        self.assertEqual(limits, VolumeLimits(None, 1000, 3, 30))

    def test_volumes_that_fit_exactly_have_no_objection(self) -> None:
        self.assertIsNone(VolumeLimits(10, 100, 7, 70).find_objection(3, 30))

    def test_number_of_volumes_is_limited(self) -> None:
        limits = VolumeLimits(10, 100, 8, 10)
        for count, needed in ((3, '3 new volumes are'), (1, '1 new volume is')):
            with self.subTest(count=count):
                self.assertEqual(
                    limits._replace(used_volumes=11 - count).find_objection(count, 1),
                    f'the quota allows 10 volumes, {11 - count} exist and {needed} needed',
                )

    def test_size_of_volumes_is_limited(self) -> None:
        for count, needed in ((3, '3 new volumes need'), (1, '1 new volume needs')):
            with self.subTest(count=count):
                self.assertEqual(
                    VolumeLimits(10, 100, 1, 95).find_objection(count, 6),
                    f'the quota allows 100 GiB of volumes; 95 GiB exist and {needed} 6 GiB',
                )

    def test_no_limit_allows_everything(self) -> None:
        self.assertIsNone(VolumeLimits().find_objection(10**6, 10**9))
