# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.core import importing
from backupext.core.importing import NO_VOLUME, Action, Decision
from backupext.core.models import Backup
from backupext.core.quota import Limits
from tests.unit.recording import record
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID


def decide(row: Backup | None) -> Decision:
    """Return the decision for a record, where the cloud has this row, or none."""
    (decision,) = importing.decide([record()], {ID: row} if row else {})
    return decision


class DecisionTest(unittest.TestCase):
    def test_missing_backup_is_imported(self) -> None:
        self.assertEqual(decide(None)[1:], (Action.IMPORT, 'not in the cloud', None))

    def test_existing_backup_is_skipped(self) -> None:
        for status in ('available', 'restoring', 'creating'):
            with self.subTest(status):
                row = Backup(ID, None, status, VOLUME_ID)
                self.assertEqual(decide(row)[1:], (Action.SKIP, f'exists in status {status}', row))

    def test_existing_backup_that_cannot_be_used_is_refused(self) -> None:
        for status in ('error', 'error_deleting', 'deleting'):
            with self.subTest(status):
                row = Backup(ID, None, status, VOLUME_ID)
                self.assertEqual(decide(row).action, Action.REFUSE)

    def test_failed_import_is_replaced(self) -> None:
        for status in ('error', 'deleting'):
            row = Backup(ID, None, status, NO_VOLUME, object_count=0)
            self.assertEqual(decide(row).action, Action.REPLACE)

    def test_failed_import_that_knows_where_the_data_is_is_refused(self) -> None:
        for row in (
            Backup(ID, None, 'error', NO_VOLUME, container='backups', object_count=0),
            Backup(ID, None, 'error', NO_VOLUME, object_count=2),
        ):
            self.assertEqual(decide(row)[1:], (Action.REFUSE, 'failed import that has data', row))

    def test_running_import_is_waited_for(self) -> None:
        row = Backup(ID, None, 'creating', NO_VOLUME)
        self.assertEqual(decide(row).action, Action.WAIT)

    def test_what_is_to_do_is_work(self) -> None:
        work = {each for each in Action if Decision(record(), each, '').is_work}
        self.assertEqual(work, {Action.IMPORT, Action.REPLACE, Action.WAIT})


class QuotaTest(unittest.TestCase):
    def decisions(self, *actions: Action) -> list[Decision]:
        return [Decision(record(OTHER_ID, size=5), each, '') for each in actions]

    def shortage(self, *actions: Action, limits: Limits) -> str | None:
        return importing.find_shortage(self.decisions(*actions), limits)

    def test_sum_that_fits_is_no_shortage(self) -> None:
        limits = Limits(3, 15, 1, 5)
        self.assertIsNone(self.shortage(Action.IMPORT, Action.IMPORT, limits=limits))

    def test_sum_that_does_not_fit_is_a_shortage(self) -> None:
        self.assertEqual(
            self.shortage(Action.IMPORT, Action.IMPORT, limits=Limits(2, None, 1, 5)),
            'the quota allows 2 backups; 1 exist, and 2 more are needed',
        )
        self.assertEqual(
            self.shortage(Action.IMPORT, Action.IMPORT, limits=Limits(9, 14, 1, 5)),
            'the quota allows 14 GiB of backups; 5 GiB exist, and 10 GiB more are needed',
        )

    def test_replaced_import_needs_its_size_again(self) -> None:
        self.assertIsNone(self.shortage(Action.REPLACE, limits=Limits(1, 10, 1, 5)))
        self.assertIsNotNone(self.shortage(Action.REPLACE, limits=Limits(1, 9, 1, 5)))

    def test_nothing_to_import_fits_although_the_quota_is_exceeded(self) -> None:
        actions = (Action.SKIP, Action.REFUSE, Action.WAIT)
        self.assertIsNone(self.shortage(*actions, limits=Limits(0, 0, 1, 5)))
