# SPDX-License-Identifier: Apache-2.0
import random
import unittest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext import errors
from backupext.core.chains import Graph, created
from backupext.core.labels import ROTATION
from backupext.core.models import Backup, Volume
from backupext.core.verification import (
    Choice,
    Outcome,
    Place,
    Result,
    choose_of_volumes,
    choose_place,
    draw,
    exit_status,
    limit_size,
    summarize,
)
from tests.unit.core import histories


def outcomes(*results: Result, error: str = '') -> list[Outcome]:
    return [Outcome('v', 'b', result, error=error) for result in results]


def backup(id_: str, **fields: Any) -> Backup:
    known = {'status': 'available', 'volume_id': 'v', 'is_incremental': False, **fields}
    return Backup(id_, created_at=f'2026-11-0{id_}T02:00:00.000000', **known)


class ChoiceTest(unittest.TestCase):
    def chosen(self, *backups: Backup, label: str | None = None, named: bool = False) -> Choice:
        return choose_of_volumes([Volume('v')], backups, label, {'v'} if named else set())

    def test_newest_backup_is_chosen(self) -> None:
        first, second = backup('1'), backup('2')
        self.assertEqual(self.chosen(first, second).backups, [second])
        self.assertEqual(self.chosen(second, first).backups, [second])

    def test_data_decides_which_backup_is_newest(self) -> None:
        old_data = backup('2', snapshot_id='s', data_timestamp='2026-10-01T02:00:00.000000')
        newest = backup('1', data_timestamp='2026-11-01T02:00:00.000000')
        self.assertEqual(self.chosen(old_data, newest).backups, [newest])

    def test_incremental_backup_without_a_parent_is_not_chosen(self) -> None:
        whole = backup('1', status='error')
        child = backup('2', is_incremental=True)
        choice = self.chosen(whole, child)
        self.assertEqual(choice.backups, [])
        self.assertEqual([each.result for each in choice.outcomes], [Result.FAILED])

    def test_parent_without_the_label_counts(self) -> None:
        parent = backup('1')
        child = backup('2', is_incremental=True, metadata={ROTATION: 'nightly'})
        self.assertEqual(self.chosen(parent, child, label='nightly').backups, [child])

    def test_backup_in_progress_is_busy_if_it_is_the_only_one(self) -> None:
        running, whole = backup('2', status='restoring'), backup('1')
        (outcome,) = self.chosen(running).outcomes
        self.assertEqual((outcome.result, outcome.backup), (Result.BUSY, '2'))
        self.assertEqual(self.chosen(running, whole).backups, [whole])

    def test_label_is_named_if_no_backup_has_it(self) -> None:
        (outcome,) = self.chosen(backup('1'), label='nightly', named=True).outcomes
        self.assertEqual(outcome.result, Result.FAILED)
        self.assertEqual(outcome.error, "The volume has no backup with the label 'nightly'.")

    @given(histories.clouds())
    def test_choice_is_the_newest_of_the_restorable_backups(self, cloud: histories.Cloud) -> None:
        rows = cloud.rows()
        volumes = [Volume(id_) for id_ in dict.fromkeys(histories.VOLUMES)]
        choice = choose_of_volumes(volumes, rows, None, set())
        self.assertEqual(len(choice.backups) + len(choice.outcomes), len(volumes))
        restorable = Graph(rows).restorable
        for each in choice.backups:
            self.assertIn(each.id, restorable)
            for other in rows:
                if other.volume_id == each.volume_id and other.id in restorable:
                    self.assertLessEqual(
                        other.data_time or created(other), each.data_time or created(each)
                    )
        found = {each.volume_id for each in rows if each.id in restorable}
        self.assertEqual({each.volume_id for each in choice.backups}, found)


class SizeTest(unittest.TestCase):
    def test_backups_up_to_the_limit_fit(self) -> None:
        exact, large, unknown = backup('1', size=5), backup('2', size=6), backup('3')
        choice = limit_size(Choice([exact, large, unknown], []), 5)
        self.assertEqual(choice.backups, [exact, unknown])
        self.assertEqual(
            [(each.backup, each.result) for each in choice.outcomes], [('2', Result.SKIPPED)]
        )

    def test_without_a_limit_everything_fits(self) -> None:
        choice = Choice([backup('1', size=10**6)], [])
        self.assertEqual(limit_size(choice, None), choice)


class SampleTest(unittest.TestCase):
    @given(st.integers(0, 9), st.none() | st.integers(1, 12), st.integers())
    def test_sample_has_the_number_in_order_and_without_repetition(
        self, count: int, number: int | None, seed: int
    ) -> None:
        backups = [backup(str(each)) for each in range(count)]
        drawn = draw(backups, number, random.Random(seed).sample)
        self.assertEqual(len(drawn), count if number is None else min(number, count))
        self.assertEqual(drawn, [each for each in backups if each in drawn])

    @given(st.integers(2, 9), st.data())
    def test_every_backup_can_be_drawn(self, count: int, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, count - 1))
        wanted = data.draw(st.integers(0, count - 1))
        backups = [backup(str(each)) for each in range(count)]
        seeds = (random.Random(seed).sample for seed in range(1000))
        self.assertTrue(any(backups[wanted] in draw(backups, number, pick) for pick in seeds))


class PlaceTest(unittest.TestCase):
    SOURCE = Volume('v', volume_type='fast', availability_zone='east', encrypted=False)

    def test_place_is_that_of_the_source(self) -> None:
        self.assertEqual(choose_place(backup('1'), self.SOURCE), Place('fast', 'east'))

    def test_cloud_chooses_if_the_source_is_gone(self) -> None:
        labelled = backup('1', metadata={'backupext:volume-type': 'gone'})
        self.assertEqual(choose_place(labelled, None), Place())

    def test_encrypted_backup_needs_the_type_that_its_volume_had(self) -> None:
        key = {'encryption_key_id': 'k'}
        labelled = backup('1', metadata={'backupext:volume-type': 'secret'}, **key)
        self.assertEqual(choose_place(labelled, self.SOURCE), Place('secret', 'east'))
        self.assertEqual(choose_place(labelled, None), Place('secret'))
        self.assertEqual(choose_place(backup('1', **key), self.SOURCE), Place('fast', 'east'))
        with self.assertRaises(errors.RefusedError):
            choose_place(backup('1', **key), None)


class ConclusionTest(unittest.TestCase):
    GOOD, BAD, LATE = Result.VERIFIED, Result.FAILED, Result.TIMED_OUT
    BUSY, SKIPPED = Result.BUSY, Result.SKIPPED

    def test_exit_status(self) -> None:
        for results, status in (
            ([self.GOOD], 0),
            ([self.GOOD, self.SKIPPED], 0),
            ([self.SKIPPED], 1),
            ([self.BAD], 1),
            ([self.BUSY], 1),
            ([self.BAD, self.LATE], 1),
            ([self.LATE], 3),
            ([self.GOOD, self.LATE], 3),
            ([self.GOOD, self.BAD], 4),
            ([self.GOOD, self.BUSY], 4),
            ([self.GOOD, self.BAD, self.LATE], 4),
        ):
            with self.subTest(results):
                self.assertEqual(exit_status(outcomes(*results)), status)

    def test_remaining_scratch_volume_is_a_failure(self) -> None:
        self.assertEqual(exit_status(outcomes(self.GOOD, error='left')), 4)

    def test_summary_counts_without_the_skipped(self) -> None:
        self.assertEqual(summarize(outcomes(self.GOOD)), '1 of 1 backup verified.')
        self.assertEqual(
            summarize(outcomes(self.SKIPPED, self.GOOD, self.LATE, self.BAD, self.GOOD)),
            '2 of 4 backups verified, 1 failed, 1 timed out, 1 skipped.',
        )
