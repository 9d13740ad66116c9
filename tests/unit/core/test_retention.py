# SPDX-License-Identifier: Apache-2.0
import itertools
import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import chains
from backupext.core.filters import Property
from backupext.core.models import Backup
from backupext.core.retention import BUCKETS, Action, Decision, Policy, plan
from tests.unit.core.histories import Cloud, clouds, hasty_clouds

NOW = datetime(2027, 1, 1, tzinfo=timezone.utc)

any_cloud = clouds() | hasty_clouds
_SPANS = st.sampled_from([timedelta(hours=1), timedelta(days=1), timedelta(days=20)])

policies = st.builds(
    Policy,
    last=st.integers(0, 3),
    counts=st.dictionaries(st.sampled_from(sorted(BUCKETS)), st.integers(1, 3), max_size=3),
    within=st.none() | _SPANS,
    within_buckets=st.dictionaries(st.sampled_from(sorted(BUCKETS)), _SPANS, max_size=2),
)


def decide(rows: list[Backup], policy: Policy, **kwargs: Any) -> list[Decision]:
    return plan(rows, policy, NOW, timezone.utc, **kwargs)


def ids(decisions: list[Decision], action: Action) -> set[str]:
    return {each.backup.id for each in decisions if each.action is action}


class HistoryTest(unittest.TestCase):
    """What holds for every history."""

    @given(any_cloud, policies)
    def test_every_backup_has_one_decision_with_reasons(self, cloud: Cloud, policy: Policy) -> None:
        decisions = decide(cloud.rows(), policy)
        self.assertEqual(sorted(each.backup.id for each in decisions), sorted(cloud.made))
        self.assertTrue(all(each.reasons for each in decisions))

    @given(any_cloud, policies)
    def test_nothing_that_stays_loses_an_ancestor(self, cloud: Cloud, policy: Policy) -> None:
        decisions = decide(cloud.rows(), policy)
        doomed = ids(decisions, Action.DELETE)
        for id_ in set(cloud.made) - doomed:
            self.assertFalse(cloud.ancestors(id_) & doomed)

    # Of incrementals made within the second to which times are cut, nobody can tell the order.
    @given(clouds(), policies)
    def test_cinder_accepts_the_order_of_deletion(self, cloud: Cloud, policy: Policy) -> None:
        doomed = [
            each.backup for each in decide(cloud.rows(), policy) if each.action is Action.DELETE
        ]
        for backup in chains.deletion_order(doomed):
            self.assertTrue(cloud.delete(backup.id), backup)

    @given(any_cloud, policies)
    def test_planning_again_deletes_nothing(self, cloud: Cloud, policy: Policy) -> None:
        rows = cloud.rows()
        doomed = ids(decide(rows, policy), Action.DELETE)
        left = [row for row in rows if row.id not in doomed]
        self.assertEqual(ids(decide(left, policy), Action.DELETE), set())

    @given(any_cloud, policies, st.integers(0, 3), st.sampled_from(sorted(BUCKETS)))
    def test_a_larger_keep_never_deletes_more(
        self, cloud: Cloud, policy: Policy, more: int, bucket: str
    ) -> None:
        counts = {**policy.counts, bucket: policy.counts.get(bucket, 0) + more}
        larger = replace(policy, last=policy.last + more, counts=counts)
        rows = cloud.rows()
        self.assertLessEqual(
            ids(decide(rows, larger), Action.DELETE), ids(decide(rows, policy), Action.DELETE)
        )

    @given(any_cloud, policies)
    def test_the_order_of_the_input_does_not_matter(self, cloud: Cloud, policy: Policy) -> None:
        self.assertEqual(decide(cloud.rows(), policy), decide(cloud.rows(), policy))

    @given(any_cloud, policies)
    def test_a_volume_keeps_something_to_restore(self, cloud: Cloud, policy: Policy) -> None:
        rows = cloud.rows()
        doomed = ids(decide(rows, policy), Action.DELETE)
        for owner in {(row.project_id, row.volume_id) for row in rows}:
            group = [row for row in rows if (row.project_id, row.volume_id) == owner]
            if chains.restorable(group):
                left = [row for row in group if row.id not in doomed]
                self.assertTrue(chains.restorable(left))

    @given(any_cloud, policies)
    def test_only_available_backups_are_deleted(self, cloud: Cloud, policy: Policy) -> None:
        for each in decide(cloud.rows(), replace(policy, allow_empty=True)):
            if each.backup.status != 'available':
                self.assertIs(each.action, Action.SKIP)


def days(*numbers: float, **changes: Any) -> list[Backup]:
    """Give full backups of one volume, so many days after the first of January 2026."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        Backup(
            f'id-{number}',
            f'day{number}',
            'available',
            'v',
            1,
            is_incremental=False,
            created_at=(start + timedelta(days=number)).strftime('%Y-%m-%dT%H:%M:%S.%f'),
            data_timestamp=(start + timedelta(days=number)).strftime('%Y-%m-%dT%H:%M:%S.%f'),
            metadata=changes.get('metadata', {}),
        )
        for number in numbers
    ]


class RuleTest(unittest.TestCase):
    """Each rule by itself."""

    def kept(self, rows: list[Backup], **policy: Any) -> list[str]:
        decisions = decide(rows, Policy(**policy))
        return [each.backup.name or '' for each in decisions if each.action is Action.KEEP]

    def test_last(self) -> None:
        self.assertEqual(self.kept(days(0, 1, 2, 3), last=2), ['day3', 'day2'])

    def test_daily_keeps_the_newest_of_a_day(self) -> None:
        rows = days(0, 1, 1.2, 1.4, 2)
        self.assertEqual(self.kept(rows, counts={'daily': 2}), ['day2', 'day1.4'])

    def test_days_without_a_backup_do_not_count(self) -> None:
        self.assertEqual(self.kept(days(0, 10, 20), counts={'daily': 2}), ['day20', 'day10'])

    def test_slots_left_keep_the_oldest(self) -> None:
        rows = days(0, 0.2, 0.4)
        self.assertEqual(self.kept(rows, counts={'daily': 3}), ['day0.4', 'day0'])

    def test_weeks_are_iso_weeks(self) -> None:
        # The first of January 2026 was a Thursday: Sunday ends its week.
        rows = days(0, 3, 4)
        self.assertEqual(self.kept(rows, counts={'weekly': 1}), ['day4'])
        self.assertEqual(self.kept(rows, counts={'weekly': 2}), ['day4', 'day3'])

    def test_within_is_measured_from_the_newest(self) -> None:
        rows = days(0, 5, 6, 7)
        self.assertEqual(self.kept(rows, within=timedelta(days=2)), ['day7', 'day6'])

    def test_within_daily(self) -> None:
        rows = days(0, 5, 6, 6.5, 7)
        kept = self.kept(rows, within_buckets={'daily': timedelta(days=2)})
        self.assertEqual(kept, ['day7', 'day6.5'])

    def test_rules_add_up(self) -> None:
        rows = days(0, 1, 2, 40)
        self.assertEqual(self.kept(rows, last=1, counts={'yearly': 2}), ['day40', 'day0'])

    def test_properties_and_ids(self) -> None:
        rows = [*days(1), *days(0, metadata={'keep': 'yes'}), *days(2)]
        self.assertEqual(self.kept(rows, properties=(Property('keep'),)), ['day0'])
        self.assertEqual(self.kept(rows, ids=frozenset({'id-1'})), ['day1'])

    def test_protected_backups_stay(self) -> None:
        rows = [*days(0, metadata={'protected': 'true'}), *days(1, 2)]
        self.assertEqual(self.kept(rows, last=1), ['day2', 'day0'])

    def test_a_backup_stays_until_it_expires(self) -> None:
        future, past = {'expires': '2028-01-01'}, {'expires': '2026-12-31'}
        rows = [*days(0, metadata=future), *days(1, metadata=past), *days(2)]
        self.assertEqual(self.kept(rows, last=1), ['day2', 'day0'])

    def test_an_expiry_that_is_no_time_protects(self) -> None:
        rows = [*days(0, metadata={'expires': 'never'}), *days(1)]
        self.assertEqual(self.kept(rows, last=1), ['day1', 'day0'])

    def test_the_calendar_is_that_of_the_zone(self) -> None:
        # 23:30 UTC is the next day in Berlin.
        rows = days(0, 23.5 / 24)
        utc = plan(rows, Policy(counts={'daily': 2}), NOW, timezone.utc)
        berlin = plan(rows, Policy(counts={'daily': 1}), NOW, ZoneInfo('Europe/Berlin'))
        self.assertEqual(ids(utc, Action.DELETE), set())
        self.assertEqual(ids(berlin, Action.KEEP), {f'id-{23.5 / 24}'})

    def test_what_is_out_of_scope_neither_counts_nor_goes(self) -> None:
        rows = [*days(0, 1, metadata={'tier': 'gold'}), *days(2)]
        gold = Property('tier', 'gold')
        decisions = decide(rows, Policy(last=1), is_in_scope=lambda each: gold.is_in(each.metadata))
        self.assertEqual([each.backup.name for each in decisions], ['day1', 'day0'])
        self.assertEqual(ids(decisions, Action.DELETE), {'id-0'})

    def test_the_last_one_stays_unless_told_otherwise(self) -> None:
        rows = days(0, 1)
        self.assertEqual(self.kept(rows, properties=(Property('x'),)), ['day1'])
        self.assertEqual(self.kept(rows, properties=(Property('x'),), allow_empty=True), [])

    def test_volumes_and_projects_are_apart(self) -> None:
        rows = days(0)
        others = [
            replace(rows[0], id='other', volume_id='w'),
            replace(rows[0], id='p', project_id='p'),
        ]
        for order in itertools.permutations([*rows, *others]):
            self.assertEqual(len(self.kept(list(order), last=1)), 3)

    def test_an_empty_policy_says_so(self) -> None:
        self.assertTrue(Policy().is_empty)
        self.assertFalse(Policy(last=1).is_empty)
        self.assertFalse(Policy(ids=frozenset({'x'})).is_empty)
