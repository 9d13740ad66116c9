# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core.models import Backup, Volume
from backupext.core.outcomes import Outcome, Result, exit_status, summarize


def outcome(result: Result, **fields: object) -> Outcome:
    return Outcome(Volume('v'), result, **fields)  # type: ignore[arg-type]


CREATED = outcome(Result.CREATED, is_incremental=False, backup=Backup('b'))
RECENT = outcome(Result.RECENT)
FAILED = outcome(Result.FAILED, error='It failed.')
TIMED_OUT = outcome(Result.TIMED_OUT)


class ExitStatusTest(unittest.TestCase):
    def test_all_good_is_0(self) -> None:
        self.assertEqual(exit_status([CREATED, RECENT, outcome(Result.ADOPTED)]), 0)

    def test_no_volume_in_a_shard_is_0(self) -> None:
        self.assertEqual(exit_status([]), 0)

    def test_nothing_good_is_1(self) -> None:
        self.assertEqual(exit_status([FAILED, outcome(Result.QUOTA)]), 1)

    def test_only_timeouts_is_3(self) -> None:
        self.assertEqual(exit_status([TIMED_OUT, TIMED_OUT]), 3)
        self.assertEqual(exit_status([CREATED, TIMED_OUT]), 3)

    def test_some_good_is_4(self) -> None:
        for bad in (Result.BUSY, Result.DEFERRED, Result.QUOTA, Result.FAILED):
            self.assertEqual(exit_status([CREATED, outcome(bad), TIMED_OUT]), 4)

    def test_failed_pruning_is_4(self) -> None:
        self.assertEqual(exit_status([CREATED._replace(error='It was kept.')]), 4)

    def test_deleted_volume_needs_no_backup(self) -> None:
        self.assertEqual(exit_status([CREATED, outcome(Result.GONE)]), 0)


class SummaryTest(unittest.TestCase):
    def test_it_counts_backups_and_deletions(self) -> None:
        incremental = CREATED._replace(is_incremental=True, deleted=2)
        self.assertEqual(
            summarize([CREATED, incremental, FAILED, outcome(Result.BUSY), RECENT]),
            '2 of 5 volumes backed up (1 full), 1 recent, 1 busy, 1 failed; 2 backups deleted.',
        )

    def test_one_is_singular(self) -> None:
        self.assertEqual(
            summarize([CREATED._replace(deleted=1)]),
            '1 of 1 volume backed up (1 full); 1 backup deleted.',
        )


class OutcomeTest(unittest.TestCase):
    def test_kind_is_that_of_the_backup(self) -> None:
        self.assertEqual(CREATED.kind, 'full')
        self.assertEqual(CREATED._replace(is_incremental=True).kind, 'incremental')
        self.assertIsNone(RECENT.kind)
