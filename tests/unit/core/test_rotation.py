# SPDX-License-Identifier: Apache-2.0
import itertools
import unittest
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from backupext.core import labels, retention, rotation
from backupext.core.filters import Property
from backupext.core.models import Backup, Volume
from backupext.core.quota import Limits
from backupext.core.rotation import Action, Need, Policy, Step

UTC = timezone.utc
BERLIN = ZoneInfo('Europe/Berlin')
#: A Wednesday.
NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
DAY = timedelta(days=1)
UNLIMITED = Limits()
POLICY = Policy('nightly')
LABEL = {labels.ROTATION: 'nightly'}
OTHER_LABEL = {labels.ROTATION: 'weekly'}

MAIL = Volume('v', 'mail', 'available', 1, availability_zone='az1')


def at(age: timedelta) -> str:
    return (NOW - age).replace(tzinfo=None).isoformat()


def made(id_: str, nights_ago: float, **changes: Any) -> Backup:
    """Return a full backup of the rotation, made by a chunked driver."""
    time = at(nights_ago * DAY)
    row: dict[str, Any] = {
        'status': 'available',
        'volume_id': 'v',
        'size': 1,
        'is_incremental': False,
        'object_count': 1,
        'created_at': time,
        'updated_at': time,
        'data_timestamp': time,
        'metadata': LABEL,
    }
    return Backup(id_, **{**row, **changes})


def built(id_: str, nights_ago: float, **changes: Any) -> Backup:
    """Return an incremental backup of the rotation."""
    return made(id_, nights_ago, **{'is_incremental': True, **changes})


def failed(row: Backup, **changes: Any) -> Backup:
    said = {'status': 'error', 'fail_reason': 'disk', 'object_count': None, **changes}
    return replace(row, **said)


def foreign(row: Backup) -> Backup:
    return replace(row, metadata=None)


def chain(*nights_ago: float) -> list[Backup]:
    """Return a full backup and incremental ones, each counted in the one that it builds on."""
    rows = [
        made(f'{age:g}', age, is_incremental=number > 0) for number, age in enumerate(nights_ago)
    ]
    touched = [replace(row, updated_at=child.created_at) for row, child in itertools.pairwise(rows)]
    return [*touched, *rows[len(touched) :]]


def decide(*backups: Backup, volume: Volume = MAIL, offset: timedelta = DAY / 24, **p: Any) -> Step:
    # It is the turn of the volume shortly after now.
    turn = (NOW - datetime(1970, 1, 1, tzinfo=UTC) + offset) % timedelta(days=7)
    return rotation.decide(volume, backups, POLICY._replace(**p), NOW, UTC, turn)


class DecisionCase(unittest.TestCase):
    """Compares a step with what is expected."""

    def assert_step(self, step: Step, action: Action, reason: str) -> None:
        self.assertEqual((step.action, step.reason), (action, reason))
        self.assertFalse(step.is_incremental)
        self.assertIsNone(step.parent)

    def assert_full(self, step: Step, reason: str) -> None:
        self.assert_step(step, Action.BACK_UP, reason)

    def assert_incremental(self, step: Step, on: str) -> None:
        self.assertEqual((step.action, step.reason), (Action.BACK_UP, f'it builds on {on}'))
        self.assertTrue(step.is_incremental)
        self.assertIn(on, {step.parent.id, step.parent.name} if step.parent else {})


class ActionTest(DecisionCase):
    """What else than a new backup a step can be."""

    def test_backup_of_the_label_in_creation_is_adopted(self) -> None:
        running = made('a', 0.1, status='creating')
        for status in ('available', 'backing-up', 'in-use'):
            step = decide(made('b', 1), running, volume=replace(MAIL, status=status))
            self.assert_step(step, Action.ADOPT, 'a is being created already')
            self.assertIs(step.backup, running)

    def test_newest_backup_in_creation_is_adopted(self) -> None:
        rows = [made(id_, age, status='creating') for id_, age in (('a', 2), ('b', 1), ('c', 3))]
        self.assertEqual(decide(*rows).backup, rows[1])

    def test_adoption_comes_before_a_recent_backup(self) -> None:
        running = made('b', 0.1, status='creating')
        step = decide(made('a', 0.2), running, skip_newer_than=DAY)
        self.assertIs(step.backup, running)

    def test_recent_backup_is_enough(self) -> None:
        recent = made('a', 0.5, name='mail-1')
        step = decide(recent, skip_newer_than=DAY)
        self.assert_step(step, Action.RECENT, "'mail-1' (a) is 12 hours old")
        self.assertIs(step.backup, recent)

    def test_recent_backup_is_enough_whatever_the_status_of_the_volume(self) -> None:
        step = decide(made('a', 0.5), skip_newer_than=DAY, volume=replace(MAIL, status='error'))
        self.assertEqual(step.action, Action.RECENT)

    def test_newest_recent_backup_is_named(self) -> None:
        rows = [*chain(0.9, 0.5), made('c', 0.7)]
        self.assertEqual(decide(*rows, skip_newer_than=DAY).backup, rows[1])

    def test_backup_that_is_being_restored_is_recent(self) -> None:
        full, child = chain(0.9, 0.5)
        for rows in (
            (full, replace(child, status='restoring')),
            (replace(full, status='restoring'), child),
        ):
            self.assertEqual(decide(*rows, skip_newer_than=DAY).action, Action.RECENT)

    def test_backup_of_exactly_the_limit_is_not_recent(self) -> None:
        self.assertEqual(decide(made('a', 1), skip_newer_than=DAY).action, Action.BACK_UP)

    def test_other_backups_are_not_recent(self) -> None:
        for row in (
            foreign(made('a', 0.5)),
            made('a', 0.5, metadata=OTHER_LABEL),
            failed(made('a', 0.5)),
            made('a', 0.5, status='deleting'),
            # Its parent is missing.
            built('a', 0.5),
        ):
            with self.subTest(row):
                self.assertEqual(decide(row, skip_newer_than=DAY).action, Action.BACK_UP)

    def test_backup_slightly_ahead_of_the_clock_is_recent(self) -> None:
        step = decide(made('a', -0.01), skip_newer_than=DAY)
        self.assert_step(step, Action.RECENT, 'a is 14 minutes ahead of the clock')

    def test_backup_far_ahead_of_the_clock_stops_nothing(self) -> None:
        step = decide(made('a', -300), skip_newer_than=DAY)
        self.assertEqual(step.action, Action.BACK_UP)

    def test_backup_behind_one_far_ahead_is_recent(self) -> None:
        step = decide(made('a', -300), made('b', 0.1), skip_newer_than=DAY)
        self.assertEqual(step.backup and step.backup.id, 'b')

    def test_volume_that_is_being_deleted_is_gone(self) -> None:
        step = decide(made('a', 1), volume=replace(MAIL, status='deleting'))
        self.assert_step(step, Action.GONE, 'the volume is being deleted')

    def test_backup_of_another_job_makes_the_volume_busy(self) -> None:
        for metadata in (None, OTHER_LABEL):
            running = made('a', 0, status='creating', metadata=metadata, name='other')
            step = decide(made('b', 1), running, volume=replace(MAIL, status='backing-up'))
            self.assert_step(step, Action.BUSY, "'other' (a) is being created")

    def test_backup_of_a_snapshot_in_creation_does_not_occupy_the_volume(self) -> None:
        running = made('a', 0, status='creating', snapshot_id='s', data_timestamp=at(2 * DAY))
        self.assert_incremental(decide(made('b', 1), foreign(running)), 'b')

    def test_passing_status_makes_the_volume_busy(self) -> None:
        for status in ('backing-up', 'attaching', 'extending', 'restoring-backup'):
            step = decide(volume=replace(MAIL, status=status))
            self.assert_step(step, Action.BUSY, f'the volume is in status {status}')

    def test_volume_in_use_needs_force(self) -> None:
        used = replace(MAIL, status='in-use')
        self.assert_step(
            decide(volume=used),
            Action.FAIL,
            'the volume is in use; use --force to back up volumes in use',
        )
        self.assertEqual(decide(volume=used, force=True).action, Action.BACK_UP)

    def test_force_does_not_help_other_statuses(self) -> None:
        for status in ('error', 'error_restoring', 'maintenance', 'reserved'):
            step = decide(volume=replace(MAIL, status=status), force=True)
            self.assert_step(step, Action.FAIL, f'the volume is in status {status}')

    def test_volume_of_unknown_status_is_backed_up(self) -> None:
        self.assertEqual(decide(volume=Volume('v')).action, Action.BACK_UP)

    def test_parent_that_is_being_restored_makes_the_volume_busy(self) -> None:
        rows = chain(3, 2, 1)
        step = decide(*rows[:2], replace(rows[2], status='restoring'))
        reason = '1, on which the backup would build, is being restored'
        self.assert_step(step, Action.BUSY, reason)

    def test_parent_in_creation_makes_the_volume_busy(self) -> None:
        running = foreign(made('a', 0, status='creating', snapshot_id='s'))
        reason = 'a, on which the backup would build, is being created'
        self.assert_step(decide(made('b', 1), running), Action.BUSY, reason)

    def test_ancestor_that_is_being_restored_does_not_matter(self) -> None:
        full, child = chain(2, 1)
        self.assert_incremental(decide(replace(full, status='restoring'), child), '1')


class KindTest(DecisionCase):
    """Full or incremental, and why."""

    def test_incremental_builds_on_the_newest_backup(self) -> None:
        self.assert_incremental(decide(*chain(3, 2, 1)), '1')

    def test_incremental_builds_on_backups_of_other_jobs(self) -> None:
        self.assert_incremental(decide(*map(foreign, chain(3, 2, 1))), '1')

    def test_first_backup_is_full(self) -> None:
        reason = 'the volume has no available backup to build on'
        self.assert_full(decide(), reason)
        self.assert_full(decide(failed(made('a', 1))), reason)
        self.assert_full(decide(made('a', 1, status='restoring')), reason)

    def test_grown_volume_needs_a_full_backup(self) -> None:
        step = decide(*chain(1), volume=replace(MAIL, size=2))
        self.assert_full(step, 'the volume has grown from 1 to 2 GiB since 1')

    def test_chain_of_one_is_always_full(self) -> None:
        self.assert_full(decide(*chain(1), max_chain=1), 'every backup is full (--max-chain 1)')

    def test_chain_of_one_waits_for_no_parent(self) -> None:
        rows = chain(2, 1)
        step = decide(rows[0], replace(rows[1], status='restoring'), max_chain=1)
        self.assertEqual(step.action, Action.BACK_UP)

    def test_nothing_builds_on_a_broken_chain(self) -> None:
        full, child = chain(2, 1)
        for rows in ([child], [replace(full, status='error'), child]):
            self.assert_full(decide(*rows), 'the parent would be 1, which may not be restorable')

    def test_nothing_builds_on_a_backup_that_failed_once(self) -> None:
        full, child = chain(2, 1)
        step = decide(replace(full, fail_reason='disk'), child)
        self.assert_full(step, 'the parent would depend on 2, which failed once')

    def test_nothing_builds_on_a_backup_of_a_snapshot_on_ceph(self) -> None:
        row = made('a', 1, snapshot_id='s', object_count=0)
        step = decide(row)
        self.assertFalse(step.is_incremental)
        self.assertIn('on Ceph a backup of a snapshot cannot be a parent', step.reason)

    def test_nothing_builds_on_what_may_be_a_backup_of_a_snapshot_on_ceph(self) -> None:
        # Both have data of the same moment, so Cinder may take either.
        rows = [made('b', 1, object_count=0), made('a', 1, snapshot_id='s', object_count=0)]
        self.assert_full(decide(*rows), 'the parent may be a, a backup of a snapshot')

    def test_every_parent_that_cinder_may_choose_must_be_restorable(self) -> None:
        rows = [*chain(1), built('0', 1, updated_at=at(0.5 * DAY))]
        self.assertTrue(decide(*rows).is_incremental)
        # Its parent is missing, and with the same data it may be chosen.
        step = decide(made('b', 1, volume_id='v'), built('a', 1, created_at=at(2 * DAY)))
        self.assert_full(step, 'the parent would be a, which may not be restorable')

    def test_full_backup_follows_a_failed_incremental_one(self) -> None:
        rows = chain(3, 2)
        step = decide(*rows, failed(built('x', 1, name='mail-3')))
        self.assert_full(step, "the incremental backup 'mail-3' (x) failed")

    def test_failure_counts_although_a_clock_was_behind(self) -> None:
        # The host that accepted the failed request has an earlier data timestamp than the parent.
        attempt = failed(built('x', 1, data_timestamp=at(2.5 * DAY)))
        self.assert_full(decide(*chain(3, 2), attempt), 'the incremental backup x failed')

    def test_failure_on_another_parent_does_not_count(self) -> None:
        rows = [*chain(3), failed(built('x', 2)), made('f', 1)]
        self.assert_incremental(decide(*rows), 'f')

    def test_failure_before_a_success_does_not_count(self) -> None:
        attempt = failed(built('x', 2))
        self.assert_incremental(decide(*chain(3, 1), attempt), '1')

    def test_full_backup_follows_a_newest_backup_that_is_not_available(self) -> None:
        for row in (
            foreign(failed(made('x', 1))),
            foreign(made('x', 1, status='deleting')),
            made('x', 1, status='error_deleting'),
        ):
            with self.subTest(row.status):
                reason = f'x, the newest backup, is in status {row.status}'
                self.assert_full(decide(*chain(3, 2), row), reason)

    def test_expected_parent_is_the_only_one_of_a_chain(self) -> None:
        # What had a dependent that was deleted seems to be a parent too.
        old, full, child = made('a', 9), made('b', 3), built('c', 1)
        touched = [replace(row, updated_at=at(0.5 * DAY)) for row in (old, full, child)]
        self.assertFalse(decide(*touched).is_incremental)
        for parent, is_incremental in (('b', True), ('a', False), ('x', False)):
            metadata = {**LABEL, labels.PARENT: parent}
            step = decide(*touched[:2], replace(child, metadata=metadata))
            self.assertEqual(step.is_incremental, is_incremental, parent)

    def test_other_container_needs_a_full_backup(self) -> None:
        row = made('a', 1, container='old')
        self.assert_full(decide(row, container='new'), 'a is in container old')
        for container in ('old', None):
            self.assertTrue(decide(row, container=container).is_incremental)
        self.assertTrue(decide(made('a', 1), container='new').is_incremental)

    def test_other_zone_needs_a_full_backup(self) -> None:
        row = foreign(made('a', 1, availability_zone='az2'))
        self.assert_full(decide(row), 'a is from availability zone az2')
        self.assertTrue(decide(row, volume=replace(MAIL, availability_zone=None)).is_incremental)
        self.assertTrue(decide(replace(row, availability_zone='az1')).is_incremental)

    def test_zone_of_the_volume_at_the_time_counts_before_that_of_the_backup_service(self) -> None:
        zone_key = labels.ORIGIN_KEYS['availability_zone']
        row = made('a', 1, availability_zone='backups', metadata={**LABEL, zone_key: 'az1'})
        self.assertTrue(decide(row).is_incremental)
        row = replace(row, metadata={**LABEL, zone_key: 'az2'}, availability_zone='az1')
        self.assert_full(decide(row), 'a is from availability zone az2')

    def test_longest_possible_chain_is_limited(self) -> None:
        rows = chain(3, 2, 1)
        self.assert_full(decide(*rows, max_chain=3), 'the chain has 3 backups (--max-chain 3)')
        self.assertTrue(decide(*rows, max_chain=4).is_incremental)
        # The newest may build on either of those before it.
        rows = [*chain(4), made('3', 3), built('2', 2), built('1', 1)]
        touched = [replace(row, updated_at=at(0.5 * DAY)) for row in rows]
        self.assertTrue(decide(*touched, max_chain=5).is_incremental)
        self.assertFalse(decide(*touched, max_chain=4).is_incremental)

    def test_reasons_apply_in_their_order(self) -> None:
        rows = [replace(row, container='old', availability_zone='az2') for row in chain(9, 8)]
        attempt = failed(built('x', 1))
        options: dict[str, Any] = {'container': 'new', 'max_chain': 2}
        grown = replace(MAIL, size=2)
        self.assertIn('has grown', decide(*rows, attempt, volume=grown, **options).reason)
        broken = [replace(rows[0], status='error'), rows[1]]
        self.assertIn('restorable', decide(*broken, attempt, **options).reason)
        self.assertIn('x failed', decide(*rows, attempt, **options).reason)
        self.assertIn('container', decide(*rows, **options).reason)
        self.assertIn('zone', decide(*rows, max_chain=2).reason)
        here = replace(MAIL, availability_zone=None)
        weekday = frozenset({3})
        self.assertIn(
            '--max-chain', decide(*rows, volume=here, max_chain=2, full_on=weekday).reason
        )
        self.assertIn('Wednesdays', decide(*rows, volume=here, full_on=weekday).reason)
        self.assertIn('9 days', decide(*rows, volume=here).reason)


class FullOnTest(DecisionCase):
    def test_full_backup_is_created_on_its_weekday(self) -> None:
        step = decide(*chain(2, 1), full_on=frozenset({1, 3}))
        self.assert_full(step, 'full backups are due on Wednesdays')

    def test_other_days_are_incremental_however_old_the_full_backup_is(self) -> None:
        self.assertTrue(
            decide(*chain(300, 1), full_on=frozenset({1, 2, 4, 5, 6, 7})).is_incremental
        )

    def test_one_full_backup_a_day_is_enough(self) -> None:
        step = decide(made('a', 1), made('b', 0.05), full_on=frozenset({3}))
        self.assert_incremental(step, 'b')

    def test_full_backup_that_is_no_ancestor_is_not_enough(self) -> None:
        # Cinder would build on the newest data, which is not that of the snapshot.
        of_snapshot = made('b', 0.05, snapshot_id='s', data_timestamp=at(5 * DAY))
        self.assertFalse(decide(made('a', 1), of_snapshot, full_on=frozenset({3})).is_incremental)

    def test_weekdays_are_those_of_the_time_zone(self) -> None:
        policy = POLICY._replace(full_on=frozenset({3}))
        late = NOW.replace(day=24, hour=23, minute=30)
        for zone, is_incremental in ((UTC, True), (BERLIN, False)):
            step = rotation.decide(MAIL, chain(1.5), policy, late, zone)
            self.assertEqual(step.is_incremental, is_incremental)


class FullEveryTest(DecisionCase):
    def test_old_chain_is_not_extended(self) -> None:
        self.assert_full(decide(*chain(8, 7, 1)), 'the oldest full backup is 8 days old')
        self.assertFalse(decide(*chain(7, 1)).is_incremental)

    def test_oldest_possible_full_backup_counts(self) -> None:
        # The incremental one may build on either.
        rows = [made('a', 9), *chain(6, 1)]
        self.assertTrue(decide(*rows).is_incremental)
        touched = [replace(row, updated_at=at(0.5 * DAY)) for row in rows]
        self.assert_full(decide(*touched), 'the oldest full backup is 9 days old')

    def test_turn_of_the_volume_comes_before_the_age(self) -> None:
        step = decide(*chain(3, 2), offset=-DAY)
        self.assert_full(
            step,
            'the oldest full backup is 3 days old; full backups are spread over time, and this '
            'volume is due',
        )

    def test_turn_before_the_full_backup_has_passed(self) -> None:
        self.assertTrue(decide(*chain(3, 2), offset=-4 * DAY).is_incremental)
        self.assertTrue(decide(*chain(3, 2), offset=-3 * DAY).is_incremental)

    def test_turn_is_from_the_id_of_the_volume(self) -> None:
        period = timedelta(days=7)
        full = 0
        for number in range(70):
            volume = replace(MAIL, id=f'volume-{number}')
            step = rotation.decide(volume, chain(1), POLICY, NOW, UTC)
            again = rotation.decide(
                volume, chain(1), POLICY, NOW, UTC, rotation.stagger(volume.id, period)
            )
            self.assertEqual(step, again)
            full += not step.is_incremental
        self.assertIn(full, range(4, 17))

    def test_period_of_nothing_is_always_full(self) -> None:
        for rows in (chain(0), chain(-1)):
            self.assertFalse(decide(*rows, full_every=timedelta()).is_incremental)

    def test_backup_from_the_future_is_not_old(self) -> None:
        self.assertTrue(decide(*chain(-300)).is_incremental)


class PlanTest(unittest.TestCase):
    def plan(
        self, volumes: Sequence[Volume], *backups: Backup, limits: Limits = UNLIMITED, **p: Any
    ) -> list[Step]:
        return rotation.plan(volumes, backups, POLICY._replace(**p), limits, NOW, UTC)

    def test_volumes_longest_without_a_backup_come_first(self) -> None:
        volumes = [Volume(id_) for id_ in 'abcdef']
        rows = [
            made('1', 1, volume_id='a'),
            made('2', 9, volume_id='a'),
            foreign(made('3', 1, volume_id='b')),
            made('4', 3, volume_id='c'),
            failed(made('5', 1, volume_id='d')),
            made('6', -9, volume_id='e'),
            made('7', 2, volume_id='f'),
        ]
        steps = self.plan(volumes, *rows)
        self.assertEqual([step.volume.id for step in steps], [*'bdcfae'])

    def test_volumes_without_a_backup_keep_their_order(self) -> None:
        steps = self.plan([Volume(id_) for id_ in 'cab'])
        self.assertEqual([step.volume.id for step in steps], [*'cab'])

    def test_volume_that_is_selected_twice_is_backed_up_once(self) -> None:
        self.assertEqual(len(self.plan([MAIL, MAIL])), 1)

    def test_backups_of_other_volumes_do_not_matter(self) -> None:
        steps = self.plan([MAIL], made('a', 1, volume_id='w'))
        self.assertEqual(steps[0].reason, 'the volume has no available backup to build on')

    def test_smaller_volume_fits_after_one_that_exceeds_the_quota(self) -> None:
        sizes = {'a': 2, 'b': 5, 'c': 3, 'd': 1}
        volumes = [Volume(id_, size=size) for id_, size in sizes.items()]
        steps = self.plan(volumes, limits=Limits(gigabytes=10, used_gigabytes=5))
        self.assertEqual(
            [step.action for step in steps],
            [Action.BACK_UP, Action.QUOTA, Action.BACK_UP, Action.QUOTA],
        )
        self.assertEqual(
            steps[1].reason,
            'the quota allows 10 GiB of backups; 7 GiB exist and this backup needs 5 GiB',
        )

    def test_number_of_backups_is_limited(self) -> None:
        steps = self.plan([Volume(id_) for id_ in 'ab'], limits=Limits(backups=8, used_backups=7))
        self.assertEqual([step.action for step in steps], [Action.BACK_UP, Action.QUOTA])
        self.assertEqual(steps[1].reason, 'the quota allows 8 backups, and 8 exist')

    def test_only_new_backups_use_the_quota(self) -> None:
        volumes = [Volume('a'), Volume('b', status='error'), Volume('c')]
        rows = [made('1', 0, volume_id='a', status='creating')]
        steps = self.plan(volumes, *rows, limits=Limits(backups=2, used_backups=1))
        self.assertEqual(
            [step.action for step in steps], [Action.ADOPT, Action.FAIL, Action.BACK_UP]
        )

    def test_steps_have_the_turn_of_their_volume(self) -> None:
        volumes = [Volume(f'v{number}') for number in range(200)]
        offsets = rotation.spread([each.id for each in volumes], POLICY.full_every)
        for step in self.plan(volumes):
            self.assertEqual(step.offset, offsets[step.volume.id])


class SpreadTest(unittest.TestCase):
    WEEK = timedelta(days=7)

    def test_turns_of_many_volumes_are_equally_far_from_each_other(self) -> None:
        ids = [str(uuid.UUID(int=number)) for number in range(700)]
        offsets = sorted(rotation.spread(ids, self.WEEK).values())
        gaps = {later - earlier for earlier, later in itertools.pairwise(offsets)}
        self.assertLess(max(gaps) - min(gaps), timedelta(seconds=1))
        self.assertGreaterEqual(offsets[0], timedelta())
        self.assertLess(offsets[-1], self.WEEK)

    def test_turns_keep_the_order_of_the_hashes(self) -> None:
        ids = [f'v{number}' for number in range(150)]
        offsets = rotation.spread(ids, self.WEEK)
        staggered = {id_: rotation.stagger(id_, self.WEEK) for id_ in ids}
        self.assertEqual(
            sorted(ids, key=offsets.__getitem__), sorted(ids, key=staggered.__getitem__)
        )

    def test_turns_of_few_volumes_do_not_depend_on_each_other(self) -> None:
        few = rotation.spread(['a', 'b', 'c'], self.WEEK)
        self.assertEqual(few, {id_: rotation.stagger(id_, self.WEEK) for id_ in 'abc'})

    def test_turn_is_within_the_period(self) -> None:
        for number in range(100):
            offset = rotation.stagger(str(number), DAY)
            self.assertGreaterEqual(offset, timedelta())
            self.assertLess(offset, DAY)

    def test_turn_is_the_same_everywhere(self) -> None:
        self.assertEqual(rotation.stagger('v', timedelta(seconds=1000)).seconds, 519)
        self.assertEqual(
            [rotation.in_shard('v', index, 3) for index in (1, 2, 3)], [False, True, False]
        )


class ShardTest(unittest.TestCase):
    def test_shards_have_similar_sizes(self) -> None:
        ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(4000)]
        for id_ in ids:
            self.assertEqual(sum(rotation.in_shard(id_, index, 4) for index in range(1, 5)), 1)
        for index in range(1, 5):
            size = sum(rotation.in_shard(id_, index, 4) for id_ in ids)
            self.assertIn(size, range(900, 1101))

    def test_one_shard_is_everything(self) -> None:
        self.assertTrue(rotation.in_shard('v', 1, 1))

    def test_shard_says_nothing_about_the_turn(self) -> None:
        ids = [str(number) for number in range(4000)]
        turns = Counter(
            rotation.stagger(id_, timedelta(days=4)).days
            for id_ in ids
            if rotation.in_shard(id_, 1, 4)
        )
        self.assertTrue(all(200 < turns[day] < 300 for day in range(4)), turns)


class ObsoleteTest(unittest.TestCase):
    LAST = retention.Policy(last=1)

    def obsolete(
        self, *backups: Backup, new: str, keep: retention.Policy | None = LAST
    ) -> list[str]:
        found = next(each for each in backups if each.id == new)
        decisions = rotation.find_obsolete(backups, found, 'nightly', keep, NOW, UTC)
        self.assertTrue(all(each.action is retention.Action.DELETE for each in decisions))
        return [each.backup.id for each in decisions]

    def test_retention_rules_apply_to_the_volume(self) -> None:
        rows = [made('a', 3), made('b', 2), made('c', 1)]
        self.assertEqual(self.obsolete(*rows, new='c'), ['b', 'a'])
        self.assertEqual(self.obsolete(*rows, new='c', keep=retention.Policy(last=2)), ['a'])

    def test_nothing_is_deleted_without_a_retention_rule(self) -> None:
        rows = [made('a', 3), failed(made('b', 2)), made('c', 1)]
        self.assertEqual(self.obsolete(*rows, new='c', keep=None), [])

    def test_dependents_are_deleted_before_their_parents(self) -> None:
        rows = [*chain(5, 4, 3), made('f', 1)]
        self.assertEqual(self.obsolete(*rows, new='f'), ['3', '4', '5'])

    def test_ancestors_of_what_is_kept_are_kept(self) -> None:
        self.assertEqual(self.obsolete(made('a', 9), *chain(3, 2, 1), new='1'), ['a'])
        rows = [*chain(5, 4), foreign(built('3', 3)), made('f', 1)]
        self.assertEqual(self.obsolete(*rows, new='f'), [])

    def test_only_backups_of_the_label_count(self) -> None:
        rows = [
            foreign(made('a', 9)),
            made('b', 8, metadata=OTHER_LABEL),
            made('c', 3),
            made('d', 2),
            foreign(made('e', 0.5)),
        ]
        self.assertEqual(self.obsolete(*rows, new='d'), ['c'])

    def test_other_volumes_and_projects_do_not_count(self) -> None:
        rows = [
            made('a', 3, project_id='p'),
            made('b', 3, project_id='q'),
            made('c', 3, project_id='p', volume_id='w'),
            made('d', 1, project_id='p'),
        ]
        self.assertEqual(self.obsolete(*rows, new='d'), ['a'])

    def test_nothing_is_deleted_unless_the_newest_attempt_is_available(self) -> None:
        old = made('a', 9), made('b', 8)
        for status in ('error', 'creating', 'restoring', 'deleting', 'error_deleting'):
            rows = [*old, made('c', 1, status=status)]
            for new in 'bc':
                self.assertEqual(self.obsolete(*rows, new=new), [], (status, new))

    def test_nothing_is_deleted_for_an_older_backup(self) -> None:
        rows = [made('a', 3), made('b', 2), made('c', 1)]
        self.assertEqual(self.obsolete(*rows, new='b'), [])

    def test_nothing_is_deleted_if_two_are_the_newest(self) -> None:
        rows = [made('a', 3), made('b', 1), failed(made('c', 1))]
        self.assertEqual(self.obsolete(*rows, new='b'), [])

    def test_newer_attempt_of_another_label_does_not_matter(self) -> None:
        rows = [made('a', 3), made('b', 2), failed(made('c', 1, metadata=OTHER_LABEL))]
        self.assertEqual(self.obsolete(*rows, new='b'), ['a'])

    def test_nothing_is_deleted_for_a_backup_that_is_not_listed(self) -> None:
        decisions = rotation.find_obsolete(
            [made('a', 3), made('b', 2)], made('c', 1), 'nightly', self.LAST, NOW, UTC
        )
        self.assertEqual(decisions, [])

    def test_status_of_the_list_counts(self) -> None:
        rows = [made('a', 3), failed(made('b', 1))]
        decisions = rotation.find_obsolete(rows, made('b', 1), 'nightly', self.LAST, NOW, UTC)
        self.assertEqual(decisions, [])

    def test_nothing_is_deleted_for_a_backup_that_may_not_be_restorable(self) -> None:
        rows = [made('a', 9), made('b', 3, status='error'), built('c', 1)]
        self.assertEqual(self.obsolete(*rows, new='c'), [])

    def test_nothing_is_deleted_for_a_backup_of_another_label(self) -> None:
        rows = [made('a', 9), foreign(made('b', 1))]
        self.assertEqual(self.obsolete(*rows, new='b'), [])

    def test_failed_backups_are_deleted_however_new(self) -> None:
        rows = [made('a', 3), failed(built('b', 2)), failed(made('c', 1.0001)), made('d', 1)]
        keep = retention.Policy(last=9)
        self.assertEqual(self.obsolete(*rows, new='d', keep=keep), ['c', 'b'])

    def test_failed_backup_unpins_its_chain(self) -> None:
        rows = [*chain(5, 4), failed(built('3', 3)), made('d', 1)]
        self.assertEqual(self.obsolete(*rows, new='d'), ['3', '4', '5'])

    def test_age_of_failed_backups_can_be_given(self) -> None:
        rows = [failed(made('a', 9)), failed(made('b', 2)), made('d', 1)]
        keep = retention.Policy(last=1, delete_failed=5 * DAY)
        self.assertEqual(self.obsolete(*rows, new='d', keep=keep), ['a'])

    def test_failed_backups_of_others_are_kept(self) -> None:
        rows = [
            foreign(failed(made('a', 3))),
            failed(made('b', 2, metadata=OTHER_LABEL)),
            made('c', 1),
        ]
        self.assertEqual(self.obsolete(*rows, new='c'), [])

    def test_unfinished_and_protected_backups_are_kept(self) -> None:
        statuses = ('creating', 'restoring', 'deleting', 'error_deleting')
        rows = [made(status, 9, status=status) for status in statuses]
        rows += [
            made('p', 8, metadata={**LABEL, 'protected': 'true'}),
            made('q', 7, metadata={**LABEL, 'hold': '1'}),
            failed(made('r', 6, metadata={**LABEL, 'protected': 'true'})),
            made('n', 1),
        ]
        keep = retention.Policy(last=1, protect=(Property('hold'),))
        self.assertEqual(self.obsolete(*rows, new='n', keep=keep), [])

    def test_new_backup_is_kept_whatever_the_rules(self) -> None:
        rows = [made('a', 3), made('b', 1)]
        nothing = retention.Policy(allow_empty=True)
        self.assertEqual(self.obsolete(*rows, new='b', keep=nothing), ['a'])

    def test_failed_backups_are_kept_on_ceph_with_a_backup_of_a_snapshot(self) -> None:
        rows = [
            made('a', 9, object_count=0),
            failed(made('b', 5, object_count=0)),
            failed(built('c', 4, object_count=0)),
            made('d', 1, object_count=0),
        ]
        keep = retention.Policy(last=9)
        self.assertEqual(self.obsolete(*rows, new='d', keep=keep), ['c', 'b'])
        of_snapshot = foreign(made('s', 8, object_count=0, snapshot_id='s'))
        self.assertEqual(self.obsolete(*rows, of_snapshot, new='d', keep=keep), [])
        elsewhere = replace(of_snapshot, project_id='q')
        self.assertEqual(self.obsolete(*rows, elsewhere, new='d', keep=keep), [])

    def test_reason_is_the_rule(self) -> None:
        rows = [made('a', 3), failed(made('b', 2)), made('c', 1)]
        decisions = rotation.find_obsolete(rows, rows[2], 'nightly', self.LAST, NOW, UTC)
        self.assertEqual(
            [each.reasons for each in decisions],
            [('failed, older than the new backup',), ('not kept by any rule',)],
        )


class OrphansTest(unittest.TestCase):
    def test_backups_of_vanished_volumes_are_named(self) -> None:
        rows = [
            made('a', 1, volume_id='gone'),
            made('b', 2, volume_id='gone'),
            made('c', 1),
            foreign(made('d', 1, volume_id='gone')),
            made('e', 1, volume_id='gone', metadata=OTHER_LABEL),
        ]
        found = rotation.find_orphans(rows, [MAIL], 'nightly')
        self.assertEqual([each.id for each in found], ['b', 'a'])


class NameTest(unittest.TestCase):
    def name(self, format_: str, volume: Volume = MAIL, zone: Any = UTC) -> str:
        return rotation.format_name(format_, volume, 'nightly', 'full', NOW, zone)

    def test_default_is_the_volume_and_the_time(self) -> None:
        self.assertEqual(self.name(rotation.DEFAULT_NAME_FORMAT), 'mail-2026-11-25T02:00:00')

    def test_fields_are_replaced(self) -> None:
        self.assertEqual(
            self.name('{volume}/{volume_id}/{label}/{kind}/{date}/{time}'),
            'mail/v/nightly/full/2026-11-25/02:00:00',
        )

    def test_time_is_that_of_the_zone(self) -> None:
        self.assertEqual(self.name('{time}', zone=BERLIN), '03:00:00')

    def test_volume_without_a_name_is_called_by_its_id(self) -> None:
        for name in (None, ''):
            self.assertEqual(self.name('{volume}', Volume('v', name)), 'v')

    def test_doubled_braces_are_braces(self) -> None:
        self.assertEqual(self.name('{{{volume}}}'), '{mail}')

    def test_braces_in_the_name_of_a_volume_are_text(self) -> None:
        self.assertEqual(self.name('{volume}', Volume('v', '{label} {0.x}')), '{label} {0.x}')

    def test_long_name_of_a_volume_is_cut(self) -> None:
        long = Volume('v', 'n' * 255)
        name = self.name(rotation.DEFAULT_NAME_FORMAT, long)
        self.assertEqual(name, 'n' * 235 + '-2026-11-25T02:00:00')
        twice = self.name('{volume}{volume}-{date}', long)
        self.assertEqual(twice, 'n' * 244 + '-2026-11-25')
        self.assertEqual(self.name('x' * 300), 'x' * 255)

    def test_unknown_field_is_refused(self) -> None:
        fields = '{volume}, {volume_id}, {label}, {kind}, {date}, {time}'
        for format_ in (
            '{host}',
            '{}',
            '{0}',
            '{volume.id}',
            '{volume[0]}',
            '{date:%Y}',
            '{volume!r}',
        ):
            with self.subTest(format_), self.assertRaises(ValueError) as caught:
                self.name(format_)
            self.assertEqual(
                str(caught.exception), f"Invalid name format '{format_}': the fields are {fields}"
            )

    def test_open_brace_is_refused(self) -> None:
        for format_ in ('{', '{volume', 'volume}', '{volume}}'):
            with self.subTest(format_), self.assertRaises(ValueError) as caught:
                self.name(format_)
            self.assertIn('write {{ and }} for braces', str(caught.exception))


class SteadyStateTest(unittest.TestCase):
    VOLUMES = (Volume('a', size=2), Volume('b', size=3), Volume('c'))

    def most(self, keep: retention.Policy, **p: Any) -> int:
        need = rotation.steady_state([MAIL], POLICY._replace(**p), keep, NOW, UTC)
        assert need is not None
        return need.backups

    def test_need_is_that_of_all_volumes(self) -> None:
        keep = retention.Policy(last=3)
        need = rotation.steady_state(self.VOLUMES, POLICY._replace(max_chain=1), keep, NOW, UTC)
        self.assertEqual(need, Need(12, 20))

    def test_need_without_retention_rules_has_no_limit(self) -> None:
        self.assertIsNone(rotation.steady_state(self.VOLUMES, POLICY, None, NOW, UTC))

    def test_chain_is_kept_as_long_as_its_newest_backup(self) -> None:
        # Seven of a chain, six of the one before, and the new one.
        self.assertEqual(self.most(retention.Policy(last=7)), 14)
        self.assertEqual(self.most(retention.Policy(last=7), full_on=frozenset({7})), 14)
        self.assertEqual(self.most(retention.Policy(last=7), max_chain=2), 9)
        self.assertEqual(self.most(retention.Policy(last=7), full_every=2 * DAY), 9)

    def test_full_backups_are_kept_with_what_builds_on_them(self) -> None:
        self.assertEqual(self.most(retention.Policy(full=2)), 15)

    def test_buckets_are_kept(self) -> None:
        counts = {'daily': 7, 'weekly': 4, 'monthly': 12}
        self.assertEqual(self.most(retention.Policy(counts=counts), max_chain=1), 22)
        self.assertEqual(self.most(retention.Policy(counts={'yearly': 10}), max_chain=1), 11)

    def test_spans_are_kept(self) -> None:
        self.assertEqual(self.most(retention.Policy(within=10 * DAY), max_chain=1), 11)
        keep = retention.Policy(within_buckets={'weekly': 28 * DAY})
        self.assertIn(self.most(keep, max_chain=1), range(5, 7))

    def test_interval_of_the_runs_matters(self) -> None:
        need = rotation.steady_state(
            [MAIL], POLICY, retention.Policy(last=7), NOW, UTC, timedelta(hours=12)
        )
        self.assertEqual(need, Need(21, 21))
