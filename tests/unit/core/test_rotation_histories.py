# SPDX-License-Identifier: Apache-2.0
"""What holds for every rotation, whatever happens to its backups."""

import itertools
import unittest
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from backupext.core import retention, rotation
from backupext.core.labels import ROTATION
from backupext.core.models import Backup, Volume
from backupext.core.quota import Limits
from backupext.core.rotation import Action, Policy, Step
from tests.unit.core.histories import Cloud
from tests.unit.core.nights import AGREEING, HOURS, SELECTED, UTC, Job, jobs
from tests.unit.core.test_rotation import NOW

DAY = timedelta(days=1)
UNLIMITED = Limits()

any_job = jobs(lags=(*AGREEING, *HOURS))
#: Clocks agree to within the duration of a backup, in both directions.
EQUAL = tuple(timedelta(seconds=number) for number in (0, 1, -1))
ids = st.lists(st.uuids().map(str), max_size=30, unique=True)


class HistoryTest(unittest.TestCase):
    @given(any_job)
    def test_every_volume_has_one_step(self, job: Job) -> None:
        self.assertEqual(sorted(step.volume.id for step in job.plan()), sorted(SELECTED))

    @given(any_job)
    def test_cinder_accepts_every_backup(self, job: Job) -> None:
        for attempt in job.attempts:
            self.assertIsNotNone(attempt.id, attempt)

    @given(any_job)
    def test_backups_build_on_restorable_chains(self, job: Job) -> None:
        for attempt in job.attempts:
            self.assertTrue(attempt.is_sound, attempt)

    @given(jobs())
    def test_pruning_keeps_ancestors_of_what_it_keeps(self, job: Job) -> None:
        for pruning in job.prunings:
            self.assertEqual(pruning.needed, set())

    @given(jobs())
    def test_cinder_accepts_every_deletion(self, job: Job) -> None:
        for pruning in job.prunings:
            self.assertEqual(pruning.refused, set())

    @given(any_job)
    def test_pruning_keeps_the_data_of_what_it_keeps(self, job: Job) -> None:
        for pruning in job.prunings:
            self.assertEqual(pruning.lost, set())

    @given(any_job)
    def test_pruning_deletes_only_backups_of_its_label(self, job: Job) -> None:
        for pruning in job.prunings:
            for row in pruning.deleted:
                self.assertEqual((row.metadata or {}).get(ROTATION), pruning.label)
                self.assertEqual(row.project_id, 'project-0')
                self.assertIn(row.status, {'available', 'error'})

    @given(any_job)
    def test_failed_attempt_deletes_nothing(self, job: Job) -> None:
        for volume in SELECTED:
            attempts = job.attempts_at(volume)
            if attempts and attempts[-1].status != 'available':
                for made in attempts:
                    self.assertEqual(job.find_obsolete(made), [])

    @given(any_job)
    def test_chains_stay_within_the_policy(self, job: Job) -> None:
        for attempt in job.attempts:
            if attempt.step.is_incremental:
                policy = attempt.policy
                self.assertLessEqual(attempt.length, policy.max_chain or attempt.length)
                if not policy.full_on:
                    self.assertLess(attempt.age, policy.full_every)

    @given(jobs(lags=EQUAL))
    def test_second_run_at_the_same_moment_does_nothing(self, job: Job) -> None:
        job.policy = job.policy._replace(skip_newer_than=DAY)
        job.run()
        done = {
            volume
            for volume in SELECTED
            for row in job.attempts_at(volume)[-1:]
            if row.status in {'available', 'creating'}
        }
        for step in job.plan():
            if step.volume.id in done:
                self.assertIn(step.action, {Action.RECENT, Action.ADOPT, Action.BUSY}, step)

    @given(any_job)
    def test_next_night_heals(self, job: Job) -> None:
        job.failures = 0
        job.cloud.settle()
        job.cloud.now += DAY
        for step in job.run():
            self.assertIs(step.action, Action.BACK_UP)
        for volume in SELECTED:
            newest = job.attempts_at(volume)[-1]
            self.assertEqual(newest.status, 'available')
            self.assertTrue(job.cloud.can_be_restored(newest.id))

    @given(jobs(lags=EQUAL))
    def test_night_after_that_is_incremental_again(self, job: Job) -> None:
        job.failures = 0
        for days in (1, 2):
            job.cloud.settle()
            job.cloud.now += DAY
            tomorrow = (job.now + DAY).isoweekday()
            job.policy = Policy('nightly', full_on=frozenset({tomorrow}))
            steps = job.run()
            if days == 2:
                self.assertTrue(all(step.is_incremental for step in steps), steps)


class YearTest(unittest.TestCase):
    def test_number_of_backups_stays_within_the_steady_state(self) -> None:
        policy = Policy('nightly')
        for keep in (
            retention.Policy(last=7),
            retention.Policy(full=2),
            retention.Policy(counts={'daily': 7, 'weekly': 4}),
            retention.Policy(counts={'daily': 7, 'weekly': 4, 'monthly': 6}),
        ):
            with self.subTest(keep):
                job = Job(Cloud(Random(1)), policy, keep)
                need = rotation.steady_state(job.volumes(), policy, keep, job.now, UTC)
                for _ in range(365):
                    job.run()
                    job.cloud.now += DAY
                    self.assertLessEqual(len(job.cloud.made), need.backups if need else 0)


class QuotaTest(unittest.TestCase):
    @given(
        st.lists(st.integers(1, 9), max_size=12),
        st.none() | st.integers(0, 9),
        st.none() | st.integers(0, 40),
        st.integers(0, 12),
        st.integers(0, 40),
    )
    def test_backups_fit_and_what_is_left_out_does_not(
        self,
        sizes: Sequence[int],
        most: int | None,
        gigabytes: int | None,
        used: int,
        used_gigabytes: int,
    ) -> None:
        volumes = [Volume(str(number), size=size) for number, size in enumerate(sizes)]
        limits = Limits(most, gigabytes, used, used_gigabytes)
        steps = rotation.plan(volumes, [], Policy('nightly'), limits, NOW, UTC)
        self.assertEqual(len(steps), len(volumes))
        for step in steps:
            size = step.volume.size or 0
            fits = limits.find_objection(size) is None
            self.assertEqual(step.action is Action.BACK_UP, fits)
            if fits:
                limits = limits.with_one_more(size)


class ShardTest(unittest.TestCase):
    @given(ids, st.integers(1, 60))
    def test_shards_are_disjoint_and_complete(self, volumes: Sequence[str], count: int) -> None:
        for id_ in volumes:
            parts = [part for part in range(1, count + 1) if rotation.in_shard(id_, part, count)]
            self.assertEqual(len(parts), 1)


class Fleet:
    """Many volumes, which are backed up night after night without failures."""

    def __init__(self, number: int, random: Random) -> None:
        self._random = random
        self._volumes = [
            Volume(str(uuid.UUID(int=random.getrandbits(128))), size=1) for _ in range(number)
        ]
        self._chains: dict[str, list[Backup]] = {}

    def run(self, policy: Policy, night: int) -> list[Step]:
        """Back up all volumes, and return what was done."""
        began = NOW + night * DAY + timedelta(minutes=self._random.uniform(-5, 5))
        rows = [row for chain in self._chains.values() for row in chain]
        steps = rotation.plan(self._volumes, rows, policy, UNLIMITED, began, UTC)
        for step in steps:
            self._back_up(step, (began + timedelta(hours=self._random.random())).isoformat())
        return steps

    def _back_up(self, step: Step, time: str) -> None:
        volume = step.volume.id
        chain = self._chains.get(volume, []) if step.is_incremental else []
        if chain:
            chain[-1] = replace(chain[-1], updated_at=time)
        row = Backup(
            f'{volume} {time}',
            status='available',
            volume_id=volume,
            is_incremental=step.is_incremental,
            object_count=1,
            created_at=time,
            updated_at=time,
            data_timestamp=time,
        )
        self._chains[volume] = [*chain, row]


class FleetTest(unittest.TestCase):
    # A fleet takes seconds.
    @settings(max_examples=2)
    @given(st.integers(0, 1 << 64))
    def test_full_backups_are_spread_over_the_period(self, seed: int) -> None:
        fleet = Fleet(2000, Random(seed))
        policy = Policy('nightly', full_every=7 * DAY)
        full = []
        for night in range(15):
            steps = fleet.run(policy, night)
            full.append(sum(not step.is_incremental for step in steps))
        self.assertEqual(full[0], 2000)
        # The nights are not exactly a day apart.
        self.assertAlmostEqual(sum(full[8:15]), 2000, delta=20)
        for night, next_night in itertools.pairwise(full[8:]):
            self.assertLessEqual(abs(night - next_night), 0.15 * min(night, next_night), full)
