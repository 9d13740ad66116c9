# SPDX-License-Identifier: Apache-2.0
import itertools
import unittest
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import chains, storage
from backupext.core.filters import Property
from backupext.core.models import Backup
from backupext.core.retention import (
    BUCKETS,
    PROTECTED,
    Action,
    Decision,
    Pin,
    Policy,
    find_pins,
    plan,
)
from tests.unit.core.growth import nightly_chain, steps
from tests.unit.core.histories import Cloud, clouds, hasty_clouds, snapshot_clouds

NOW = datetime(2027, 1, 1, tzinfo=timezone.utc)

any_cloud = clouds() | hasty_clouds
#: Properties of the first backups of a history.
_FIRST_IDS = ('0000', '0856', '0703')
_SPANS = st.sampled_from([timedelta(hours=1), timedelta(days=1), timedelta(days=20)])

policies = st.builds(
    Policy,
    last=st.integers(0, 3),
    full=st.integers(0, 2),
    counts=st.dictionaries(st.sampled_from(sorted(BUCKETS)), st.integers(1, 3), max_size=3),
    within=st.none() | _SPANS,
    within_buckets=st.dictionaries(st.sampled_from(sorted(BUCKETS)), _SPANS, max_size=2),
)
#: Policies that also delete failed backups.
harsh_policies = st.builds(replace, policies, delete_failed=_SPANS)

#: Policies that keep little.
lean_policies = st.builds(
    Policy,
    last=st.integers(0, 1),
    ids=st.frozensets(st.sampled_from(_FIRST_IDS), max_size=1),
    delete_failed=st.none() | st.just(timedelta(hours=1)),
    allow_empty=st.booleans(),
)

#: Some properties of backups.
_MARKS: tuple[dict[str, str], ...] = (
    *({}, {'tier': 'gold'}, {'hold': 'legal'}, {'protected': 'true'}),
    *({'expires': '2026-11-10'}, {'expires': '2028-01-01'}),
)
_WANTED = st.sampled_from([Property('tier'), Property('hold', 'legal'), Property('nosuch')])
#: Policies that also name backups.
naming_policies = st.builds(
    replace,
    policies | harsh_policies | st.just(Policy(properties=(Property('nosuch'),))),
    properties=st.lists(_WANTED, max_size=2).map(tuple),
    protect=st.lists(_WANTED, max_size=2).map(tuple),
    ids=st.frozensets(st.sampled_from(_FIRST_IDS), max_size=2),
)


def together(one: Policy, other: Policy) -> Policy:
    """Return a policy that keeps and protects everything that either of two policies does."""
    return replace(
        one,
        last=one.last + other.last,
        full=one.full + other.full,
        counts=_joined(one.counts, other.counts),
        within=max(one.within or other.within, other.within or one.within, key=_or_nothing),
        within_buckets=_joined(one.within_buckets, other.within_buckets),
        properties=one.properties + other.properties,
        protect=one.protect + other.protect,
        ids=one.ids | other.ids,
    )


def _or_nothing(span: timedelta | None) -> timedelta:
    return span or timedelta()


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: one[name] + other[name] for name in one.keys() & other.keys()}
    return {**one, **other, **both}


def decide(rows: list[Backup], policy: Policy, **kwargs: Any) -> list[Decision]:
    return plan(rows, policy, NOW, timezone.utc, **kwargs)


def ids(decisions: list[Decision], action: Action) -> set[str]:
    return {each.backup.id for each in decisions if each.action is action}


def doomed_in_order(decisions: list[Decision]) -> list[Backup]:
    doomed = [each.backup for each in decisions if each.action is Action.DELETE]
    return chains.deletion_order(doomed)


class HistoryTest(unittest.TestCase):
    """Properties that hold for every history."""

    @given(any_cloud, policies | harsh_policies)
    def test_every_backup_has_one_decision_with_reasons(self, cloud: Cloud, policy: Policy) -> None:
        decisions = decide(cloud.rows(), policy)
        self.assertEqual(sorted(each.backup.id for each in decisions), sorted(cloud.made))
        self.assertTrue(all(each.reasons for each in decisions))

    @given(any_cloud, policies | harsh_policies)
    def test_kept_backups_keep_their_ancestors(self, cloud: Cloud, policy: Policy) -> None:
        decisions = decide(cloud.rows(), policy)
        doomed = ids(decisions, Action.DELETE)
        for id_ in set(cloud.made) - doomed:
            self.assertFalse(cloud.ancestors(id_) & doomed)

    # The order of incrementals within one second is unknown if times have whole seconds.
    @given(clouds(), policies | harsh_policies)
    def test_cinder_accepts_the_order_of_deletion(self, cloud: Cloud, policy: Policy) -> None:
        for backup in doomed_in_order(decide(cloud.rows(), policy)):
            self.assertTrue(cloud.delete(backup.id), backup)

    @given(snapshot_clouds(), lean_policies)
    def test_kept_backups_keep_their_data_on_ceph(self, cloud: Cloud, policy: Policy) -> None:
        decisions = decide(cloud.rows(), policy)
        before = dict(cloud.images)
        # A failed backup is deleted first, before an available one could be lost with it.
        for backup in sorted(doomed_in_order(decisions), key=lambda each: each.status != 'error'):
            cloud.delete(backup.id)
            for volume, id_ in before.items():
                row = cloud.made.get(id_)
                if row and row.status == 'available' and id_ not in ids(decisions, Action.DELETE):
                    self.assertEqual(cloud.images.get(volume), id_)

    @given(any_cloud, harsh_policies)
    def test_failed_backups_that_are_too_recent_are_never_deleted(
        self, cloud: Cloud, policy: Policy
    ) -> None:
        assert policy.delete_failed is not None
        for each in decide(cloud.rows(), policy):
            if each.action is Action.DELETE and each.backup.status != 'available':
                self.assertEqual(each.backup.status, 'error')
                self.assertLessEqual(chains.created(each.backup), NOW - policy.delete_failed)

    @given(snapshot_clouds(), lean_policies)
    def test_failed_snapshot_backup_is_kept_with_a_healthy_one(
        self, cloud: Cloud, policy: Policy
    ) -> None:
        rows = cloud.rows()
        for each in decide(rows, policy):
            if each.action is Action.DELETE and each.backup.status == 'error':
                parents = chains.Graph(rows).parents(each.backup)
                self.assertEqual(storage.shares_data_with(each.backup, rows, parents), [])

    @given(any_cloud, policies | harsh_policies)
    def test_pinned_backups_are_deleted_without_the_failed_backup(
        self, cloud: Cloud, policy: Policy
    ) -> None:
        decisions = {each.backup.id: each for each in decide(cloud.rows(), policy)}
        for each in decisions.values():
            self.assertTrue(not each.pinned_by or each.action is not Action.DELETE)
            for heir in each.pinned_by:
                self.assertIs(decisions[heir.id].action, Action.SKIP)
                self.assertIn(each.backup.id, chains.Graph(cloud.rows()).ancestors([heir]))

    @given(any_cloud, policies)
    def test_second_plan_deletes_nothing(self, cloud: Cloud, policy: Policy) -> None:
        rows = cloud.rows()
        doomed = ids(decide(rows, policy), Action.DELETE)
        left = [row for row in rows if row.id not in doomed]
        self.assertEqual(ids(decide(left, policy), Action.DELETE), set())

    @given(any_cloud, policies, st.integers(0, 3), st.sampled_from(sorted(BUCKETS)))
    def test_larger_keep_never_deletes_more(
        self, cloud: Cloud, policy: Policy, more: int, bucket: str
    ) -> None:
        counts = {**policy.counts, bucket: policy.counts.get(bucket, 0) + more}
        larger = replace(policy, last=policy.last + more, counts=counts)
        rows = cloud.rows()
        self.assertLessEqual(
            ids(decide(rows, larger), Action.DELETE), ids(decide(rows, policy), Action.DELETE)
        )

    @given(any_cloud, naming_policies, naming_policies, st.randoms(use_true_random=False))
    def test_adding_rules_or_protection_never_deletes_more(
        self, cloud: Cloud, policy: Policy, more: Policy, random: Any
    ) -> None:
        rows = [replace(row, metadata=random.choice(_MARKS)) for row in cloud.rows()]
        fewer = ids(decide(rows, together(policy, more)), Action.DELETE)
        self.assertLessEqual(fewer, ids(decide(rows, policy), Action.DELETE))

    @given(any_cloud, policies | harsh_policies)
    def test_input_order_does_not_matter(self, cloud: Cloud, policy: Policy) -> None:
        self.assertEqual(decide(cloud.rows(), policy), decide(cloud.rows(), policy))

    @given(any_cloud, policies)
    def test_volume_keeps_a_restorable_backup(self, cloud: Cloud, policy: Policy) -> None:
        rows = cloud.rows()
        doomed = ids(decide(rows, policy), Action.DELETE)
        for owner in {(row.project_id, row.volume_id) for row in rows}:
            group = [row for row in rows if (row.project_id, row.volume_id) == owner]
            if chains.Graph(group).restorable:
                left = [row for row in group if row.id not in doomed]
                self.assertTrue(chains.Graph(left).restorable)
                sure = chains.Graph(group).surely_restorable
                self.assertTrue(not sure or sure - doomed)

    @given(any_cloud, policies | harsh_policies)
    def test_volume_keeps_an_available_backup(self, cloud: Cloud, policy: Policy) -> None:
        rows = cloud.rows()
        doomed = ids(decide(rows, policy), Action.DELETE)
        available = [row for row in rows if row.status == 'available']
        self.assertEqual(
            {chains.group_of(row) for row in available},
            {chains.group_of(row) for row in available if row.id not in doomed},
        )

    @given(any_cloud, policies)
    def test_only_available_backups_are_deleted(self, cloud: Cloud, policy: Policy) -> None:
        for each in decide(cloud.rows(), replace(policy, allow_empty=True)):
            if each.backup.status != 'available':
                self.assertIs(each.action, Action.SKIP)


def days(*numbers: float, **changes: Any) -> list[Backup]:
    """Return full backups of one volume, created these days after 1 January 2026."""
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

    def test_daily_keeps_the_newest_backup_of_a_day(self) -> None:
        rows = days(0, 1, 1.2, 1.4, 2)
        self.assertEqual(self.kept(rows, counts={'daily': 2}), ['day2', 'day1.4'])

    def test_days_without_a_backup_do_not_count(self) -> None:
        self.assertEqual(self.kept(days(0, 10, 20), counts={'daily': 2}), ['day20', 'day10'])

    def test_free_slot_keeps_the_oldest_backup(self) -> None:
        rows = days(0, 0.2, 0.4)
        self.assertEqual(self.kept(rows, counts={'daily': 3}), ['day0.4', 'day0'])

    def test_weeks_are_iso_weeks(self) -> None:
        # 1 January 2026 was a Thursday; its week ends on Sunday.
        rows = days(0, 3, 4)
        self.assertEqual(self.kept(rows, counts={'weekly': 1}), ['day4'])
        self.assertEqual(self.kept(rows, counts={'weekly': 2}), ['day4', 'day3'])

    def test_within_is_measured_from_the_newest_backup(self) -> None:
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
        self.assertEqual(self.kept(rows, properties=(Property('keep'),)), ['day2', 'day0'])
        self.assertEqual(self.kept(rows, ids=frozenset({'id-1'})), ['day2', 'day1'])

    def test_protected_backups_are_kept(self) -> None:
        rows = [*days(0, metadata={'protected': 'true'}), *days(1, 2)]
        self.assertEqual(self.kept(rows, last=1), ['day2', 'day0'])

    def test_backup_is_kept_until_it_expires(self) -> None:
        future, past = {'expires': '2028-01-01'}, {'expires': '2026-12-31'}
        rows = [*days(0, metadata=future), *days(1, metadata=past), *days(2)]
        self.assertEqual(self.kept(rows, last=1), ['day2', 'day0'])

    def test_invalid_expiry_protects(self) -> None:
        rows = [*days(0, metadata={'expires': 'never'}), *days(1)]
        self.assertEqual(self.kept(rows, last=1), ['day1', 'day0'])

    def test_zone_decides_the_calendar(self) -> None:
        # 23:30 UTC is the next day in Berlin.
        rows = days(0, 23.5 / 24)
        utc = plan(rows, Policy(counts={'daily': 2}), NOW, timezone.utc)
        berlin = plan(rows, Policy(counts={'daily': 1}), NOW, ZoneInfo('Europe/Berlin'))
        self.assertEqual(ids(utc, Action.DELETE), set())
        self.assertEqual(ids(berlin, Action.KEEP), {f'id-{23.5 / 24}'})

    def test_backups_out_of_scope_neither_count_nor_are_deleted(self) -> None:
        rows = [*days(0, 1, metadata={'tier': 'gold'}), *days(2)]
        gold = Property('tier', 'gold')
        decisions = decide(rows, Policy(last=1), is_in_scope=lambda each: gold.is_in(each.metadata))
        self.assertEqual([each.backup.name for each in decisions], ['day1', 'day0'])
        self.assertEqual(ids(decisions, Action.DELETE), {'id-0'})

    def test_last_backup_is_kept_by_default(self) -> None:
        rows = days(0, 1)
        self.assertEqual(self.kept(rows, properties=(Property('x'),)), ['day1'])
        self.assertEqual(self.kept(rows, properties=(Property('x'),), allow_empty=True), [])

    def test_protect_property_adds_to_the_default(self) -> None:
        rows = [
            *days(0, metadata={'protected': 'true'}),
            *days(1, metadata={'hold': 'legal'}),
            *days(2, 3),
        ]
        policy = Policy(last=1, protect=(Property('hold'),))
        self.assertEqual(policy.protect, (PROTECTED, Property('hold')))
        self.assertEqual(replace(policy, last=2).protect, policy.protect)
        self.assertEqual(ids(decide(rows, policy), Action.DELETE), {'id-2'})

    def test_span_longer_than_the_calendar_keeps_all(self) -> None:
        rows = days(0, 1)
        self.assertEqual(self.kept(rows, within=timedelta.max), ['day1', 'day0'])
        self.assertEqual(self.kept(rows, within_buckets={'daily': timedelta.max}), ['day1', 'day0'])

    def test_volumes_and_projects_are_independent(self) -> None:
        rows = days(0)
        others = [
            replace(rows[0], id='other', volume_id='w'),
            replace(rows[0], id='p', project_id='p'),
        ]
        for order in itertools.permutations([*rows, *others]):
            self.assertEqual(len(self.kept(list(order), last=1)), 3)

    def test_empty_policy_is_recognized(self) -> None:
        self.assertTrue(Policy().is_empty)
        self.assertFalse(Policy(last=1).is_empty)
        self.assertFalse(Policy(full=1).is_empty)
        self.assertFalse(Policy(ids=frozenset({'x'})).is_empty)
        self.assertTrue(Policy(delete_failed=timedelta(1)).is_empty)

    def test_cost_grows_linearly_with_the_chain(self) -> None:
        policy = Policy(last=7, full=1, counts={'weekly': 4}, delete_failed=timedelta(1))

        def prune(length: int) -> None:
            self.assertEqual(len(decide(nightly_chain(length), policy)), length)

        self.assertLess(steps(lambda: prune(400)), 6 * steps(lambda: prune(100)))


def night(number: int, kind: str = 'i', child: int | None = None, **changes: Any) -> Backup:
    """Return the backup of a night, updated when its child finished, if it has one."""
    made = datetime(2026, 1, 1, 2) + timedelta(days=number)  # noqa: DTZ001  # as the API writes it
    touched = made if child is None else made + timedelta(days=child - number)
    said: dict[str, Any] = {
        'name': f'd{number}',
        'status': 'available',
        'volume_id': 'v',
        'project_id': 'p',
        'is_incremental': kind == 'i',
        'object_count': 1,
        'created_at': made.isoformat(),
        'data_timestamp': made.isoformat(),
        'updated_at': (touched + timedelta(minutes=5)).isoformat(),
    }
    return Backup(f'id-{number}', **{**said, **changes})


FAILED: dict[str, Any] = {'status': 'error', 'fail_reason': 'disk'}


class ReasonTest(unittest.TestCase):
    """Decisions and their reasons, by name."""

    maxDiff = None

    def planned(self, rows: list[Backup], **policy: Any) -> dict[str, tuple[str, str]]:
        return {
            each.backup.name or each.backup.id: (each.action.value, ', '.join(each.reasons))
            for each in decide(rows, Policy(**policy))
        }


class FullTest(ReasonTest):
    """The last N full backups and their dependents."""

    ROWS = (
        *(night(0, 'f', 1), night(1)),
        *(night(2, 'f', 3), night(3, child=4), night(4)),
        night(5, 'f'),
    )

    def test_full_backup_is_kept_with_all_its_incrementals(self) -> None:
        self.assertEqual(
            self.planned(list(self.ROWS), full=2),
            {
                'd5': ('keep', 'full 2'),
                'd4': ('keep', 'full 2 (builds on d2)'),
                'd3': ('keep', 'full 2 (builds on d2), needed by d4'),
                'd2': ('keep', 'full 2, needed by d3'),
                'd1': ('delete', 'not kept by any rule'),
                'd0': ('delete', 'not kept by any rule'),
            },
        )

    def test_possible_incremental_of_a_full_backup_is_kept(self) -> None:
        # The property of d0 was set after d3 was created.
        rows = [replace(self.ROWS[0], updated_at=self.ROWS[5].created_at), *self.ROWS[1:]]
        self.assertEqual(self.planned(rows, full=2)['d1'][0], 'delete')
        self.assertEqual(self.planned(rows, full=2)['d0'], ('keep', 'needed by d3'))
        self.assertEqual(self.planned(rows, full=1)['d2'][0], 'delete')

    def test_failed_full_backups_do_not_count(self) -> None:
        rows = [*self.ROWS, night(6, 'f', **FAILED)]
        self.assertEqual(self.planned(rows, full=1)['d5'], ('keep', 'full 1'))


class OldestTest(ReasonTest):
    def test_free_slot_keeps_the_oldest_with_a_reason(self) -> None:
        rows = days(0, 0.2, 0.4)
        self.assertEqual(
            self.planned(rows, counts={'daily': 7}),
            {
                'day0.4': ('keep', 'daily 7'),
                'day0.2': ('delete', 'not kept by any rule'),
                'day0': ('keep', 'daily 7 (oldest)'),
            },
        )
        within = self.planned(rows, within_buckets={'daily': timedelta(days=1)})
        self.assertEqual(within['day0'], ('keep', 'within daily (oldest)'))

    def test_oldest_that_is_newest_of_its_day_has_no_extra_reason(self) -> None:
        self.assertEqual(self.planned(days(0, 1), counts={'daily': 7})['day0'], ('keep', 'daily 7'))


class SafetyTest(ReasonTest):
    """Backups kept without a rule, so that the volume can be restored."""

    def test_newest_restorable_backup_is_always_kept(self) -> None:
        rows = days(0, 1, 2)
        reason = 'newest restorable backup of the volume'
        self.assertEqual(
            self.planned(rows, ids=frozenset({'id-0'})),
            {
                'day2': ('keep', reason),
                'day1': ('delete', 'not kept by any rule'),
                'day0': ('keep', 'id'),
            },
        )
        self.assertEqual(
            self.planned(rows, ids=frozenset({'id-0'}), allow_empty=True)['day2'][0], 'delete'
        )

    def test_newest_available_backup_is_kept_if_none_is_known_to_be_restorable(self) -> None:
        reason = 'newest available backup (none known to be restorable)'
        rows = [night(1), night(2), night(3, **FAILED)]
        policy: dict[str, Any] = {'properties': (Property('nosuch'),)}
        self.assertEqual(
            self.planned([night(1, fail_reason='disk')], **policy),
            {'d1': ('keep', reason)},
        )
        self.assertEqual(
            self.planned(rows, **policy)['d2'],
            ('keep', f'{reason}, needed by d3, which is in status error'),
        )
        self.assertEqual(self.planned([night(1)], allow_empty=True, **policy)['d1'][0], 'delete')

    def test_newest_intact_backup_is_kept_if_the_newest_may_be_broken(self) -> None:
        # Either may be the parent of d3, and d2 is broken.
        rows = [
            night(0, 'f'),
            night(1, 'f', 3),
            night(2, 'f', 3, status='error'),
            night(3),
        ]
        self.assertEqual(
            self.planned(rows, properties=(Property('nosuch'),)),
            {
                'd3': ('keep', 'newest backup of the volume that may be restorable'),
                'd2': ('skip', 'status error, needed by d3'),
                'd1': ('keep', 'newest restorable backup of the volume, needed by d3'),
                'd0': ('delete', 'not kept by any rule'),
            },
        )


class FailedTest(ReasonTest):
    """Failed backups, the backups that they keep, and their deletion."""

    CHAIN = (night(0, 'f', 1), night(1, child=2), night(2), night(3, **FAILED))
    NEWER = tuple(night(number, 'f') for number in range(4, 40))

    def test_failed_incremental_keeps_its_chain(self) -> None:
        planned = self.planned([*self.CHAIN, *self.NEWER], last=7)
        needed = ('keep', 'needed by d3, which is in status error')
        self.assertEqual(
            {name: planned[name] for name in ('d0', 'd1', 'd2', 'd3', 'd4', 'd33')},
            {
                **dict.fromkeys(('d0', 'd1', 'd2'), needed),
                'd3': ('skip', 'status error'),
                'd4': ('delete', 'not kept by any rule'),
                'd33': ('keep', 'last 7'),
            },
        )

    def test_no_age_takes_one_that_failed_in_the_same_second(self) -> None:
        # The cloud tells its time in whole seconds, which may be before the creation.
        later = (NOW + timedelta(milliseconds=600)).replace(tzinfo=None).isoformat()
        failed = replace(self.CHAIN[3], created_at=later)
        rows = [*self.CHAIN[:3], failed, *self.NEWER]
        decided = decide(rows, Policy(last=7, delete_failed=timedelta()))
        self.assertIn(
            failed.id, {each.backup.id for each in decided if each.action.value == 'delete'}
        )

    def test_pinned_backups_are_reported_by_failed_backup(self) -> None:
        another = replace(self.CHAIN[3], id='other', name='other')
        rows = [*self.CHAIN, another, *self.NEWER]
        self.assertEqual(
            find_pins(decide(rows, Policy(last=7))),
            [Pin((self.CHAIN[3], another), (self.CHAIN[2], self.CHAIN[1], self.CHAIN[0]))],
        )
        self.assertEqual(
            find_pins(decide(rows, Policy(last=7, delete_failed=timedelta(days=7)))), []
        )

    def test_backup_kept_for_another_reason_is_not_pinned(self) -> None:
        rows = [*self.CHAIN, *self.NEWER]
        decisions = decide(rows, Policy(ids=frozenset({'id-2'})))
        self.assertEqual(find_pins(decisions), [])
        self.assertEqual(
            self.planned(rows, ids=frozenset({'id-2'}))['d1'], ('keep', 'needed by d2')
        )

    def test_running_backup_pins_but_has_not_failed(self) -> None:
        rows = [*self.CHAIN[:3], night(3, status='creating'), *self.NEWER]
        decisions = {each.backup.name: each for each in decide(rows, Policy(last=7))}
        self.assertEqual(decisions['d1'].reasons, ('needed by d3, which is in status creating',))
        self.assertEqual(decisions['d1'].pinned_by, (rows[3],))
        self.assertEqual(find_pins(decisions.values()), [])

    def test_chain_is_deleted_with_its_failed_incremental(self) -> None:
        planned = self.planned([*self.CHAIN, *self.NEWER], last=7, delete_failed=timedelta(days=7))
        gone = ('delete', 'not kept by any rule')
        self.assertEqual(
            {name: planned[name] for name in ('d0', 'd1', 'd2', 'd3')},
            {'d0': gone, 'd1': gone, 'd2': gone, 'd3': ('delete', 'failed, at least 7d old')},
        )
        self.assertEqual(sum(action == 'keep' for action, _ in planned.values()), 7)

    def test_recent_failed_backup_is_kept(self) -> None:
        # The backup is 362 days and 22 hours old.
        rows, day = [night(2, 'f', **FAILED)], timedelta(days=1)
        age = NOW - chains.created(rows[0])
        self.assertEqual(self.planned(rows, delete_failed=age)['d2'][0], 'delete')
        self.assertEqual(
            self.planned(rows, delete_failed=age + timedelta(seconds=1))['d2'],
            ('skip', 'status error'),
        )
        for span, text in ((day, '1d'), (1.5 * day, '1d12h'), (day / 16, '1h30m')):
            self.assertEqual(
                self.planned(rows, delete_failed=span)['d2'],
                ('delete', f'failed, at least {text} old'),
            )
        self.assertEqual(
            self.planned(rows, delete_failed=timedelta())['d2'][1], 'failed, at least 0s old'
        )

    def test_delete_failed_deletes_only_failed_backups(self) -> None:
        for status in ('creating', 'restoring', 'deleting', 'error_deleting'):
            rows = [night(0, 'f'), night(2, 'f', status=status)]
            with self.subTest(status):
                self.assertEqual(
                    self.planned(rows, last=1, delete_failed=timedelta())['d2'],
                    ('skip', f'status {status}'),
                )

    def test_failed_backup_with_available_dependents_is_kept(self) -> None:
        rows = [night(0, 'f', 1, status='error'), night(1)]
        self.assertEqual(
            self.planned(rows, last=1, delete_failed=timedelta())['d0'],
            ('skip', 'status error, needed by d1'),
        )

    def test_protected_or_named_failed_backup_is_kept(self) -> None:
        cases: tuple[tuple[dict[str, str], dict[str, Any], str], ...] = (
            ({'protected': 'true'}, {}, 'protected'),
            ({'expires': '2028-01-01'}, {}, 'expires 2028-01-01'),
            ({}, {'ids': frozenset({'id-0'})}, 'id'),
            ({'a': 'b'}, {'properties': (Property('a'),)}, 'property a'),
        )
        for metadata, policy, reason in cases:
            rows = [night(0, 'f', metadata=metadata, **FAILED), night(1, 'f')]
            with self.subTest(reason):
                self.assertEqual(
                    self.planned(rows, last=1, delete_failed=timedelta(), **policy)['d0'],
                    ('skip', f'status error, {reason}'),
                )

    def test_failed_backup_out_of_scope_is_kept_with_its_parents(self) -> None:
        rows = [*self.CHAIN, *self.NEWER]
        decisions = decide(
            rows,
            Policy(last=7, delete_failed=timedelta()),
            is_in_scope=lambda each: each.status == 'available',
        )
        self.assertEqual(ids(decisions, Action.DELETE) & {'id-0', 'id-1', 'id-2', 'id-3'}, set())


class SharedDataTest(ReasonTest):
    """If Ceph may be used, a volume's snapshot backups are deleted together or not at all."""

    def ceph(self, number: int, kind: str = 'f', **changes: Any) -> Backup:
        return night(number, kind, **{'object_count': 0, **changes})

    def of_snapshot(self, number: int, kind: str = 'f', **changes: Any) -> Backup:
        return self.ceph(number, kind, **{'snapshot_id': f's{number}', **changes})

    def test_all_snapshot_backups_are_kept_with_one(self) -> None:
        rows = [self.of_snapshot(number) for number in range(3)]
        self.assertEqual(
            self.planned(rows, last=1),
            {
                'd2': ('keep', 'last 1'),
                'd1': ('keep', 'may share data with d2 (Ceph)'),
                'd0': ('keep', 'may share data with d2 (Ceph)'),
            },
        )

    def test_backups_of_the_volume_are_deleted(self) -> None:
        rows = [self.ceph(0), self.of_snapshot(1)]
        self.assertEqual(self.planned(rows, last=1)['d0'][0], 'delete')

    def test_snapshot_backups_on_other_storage_are_deleted(self) -> None:
        rows = [night(0, 'f'), self.of_snapshot(1), self.of_snapshot(2)]
        self.assertEqual(self.planned(rows, last=1)['d1'][0], 'delete')

    def test_all_snapshot_backups_are_deleted_together(self) -> None:
        rows = [self.of_snapshot(0), self.of_snapshot(1), self.ceph(2)]
        self.assertEqual(
            {name: action for name, (action, _) in self.planned(rows, last=1).items()},
            {'d2': 'keep', 'd1': 'delete', 'd0': 'delete'},
        )

    def test_image_is_shared_across_projects_but_not_volumes(self) -> None:
        mine = [self.of_snapshot(0), self.ceph(1)]
        theirs = self.of_snapshot(2, project_id='q')
        self.assertEqual(self.planned([*mine, theirs], last=1)['d0'][0], 'keep')
        elsewhere = replace(theirs, volume_id='w')
        self.assertEqual(self.planned([*mine, elsewhere], last=1)['d0'][0], 'delete')

    def test_snapshot_backup_out_of_scope_keeps_the_others(self) -> None:
        rows = [self.of_snapshot(0), self.ceph(1), self.of_snapshot(2)]
        decisions = decide(rows, Policy(last=1), is_in_scope=lambda each: each.id != 'id-2')
        self.assertEqual(ids(decisions, Action.DELETE), set())

    def test_restoring_snapshot_backup_keeps_the_others_but_a_failed_one_does_not(self) -> None:
        for status, action in (('restoring', 'keep'), ('creating', 'keep'), ('error', 'delete')):
            rows = [self.of_snapshot(0), self.of_snapshot(1, status=status), self.ceph(2)]
            with self.subTest(status):
                self.assertEqual(self.planned(rows, last=1)['d0'][0], action)

    def test_parents_of_kept_snapshot_backups_are_kept(self) -> None:
        rows = [
            self.ceph(0, child=1),
            self.of_snapshot(1, 'i'),
            self.of_snapshot(2),
        ]
        self.assertEqual(
            self.planned(rows, last=1),
            {
                'd2': ('keep', 'last 1'),
                'd1': ('keep', 'may share data with d2 (Ceph)'),
                'd0': ('keep', 'needed by d1'),
            },
        )

    def test_failed_snapshot_backup_is_kept_with_a_restorable_one(self) -> None:
        rows = [self.of_snapshot(0), self.of_snapshot(1, **FAILED), self.ceph(2)]
        harsh: dict[str, Any] = {'last': 1, 'delete_failed': timedelta()}
        planned = self.planned(rows, **harsh)
        self.assertEqual(planned['d1'], ('skip', 'status error, may share data with d0 (Ceph)'))
        self.assertEqual(planned['d0'][0], 'delete')
        self.assertEqual(self.planned(rows[1:], **harsh)['d1'][0], 'delete')
        self.assertEqual(self.planned([night(3, 'f'), *rows], **harsh)['d1'][0], 'delete')

    def test_failed_incremental_of_a_snapshot_backup_is_kept(self) -> None:
        rows = [self.of_snapshot(0), self.ceph(1, 'i', **FAILED), self.of_snapshot(2)]
        self.assertEqual(
            self.planned(rows, last=1, delete_failed=timedelta())['d1'],
            ('skip', 'status error, may share data with d2 (Ceph)'),
        )
