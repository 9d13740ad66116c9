# SPDX-License-Identifier: Apache-2.0
import unittest
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backupext.core import findings, labels
from backupext.core.filters import Property
from backupext.core.findings import Health, Policy, Report, Severity
from backupext.core.health import Seen, examine
from backupext.core.models import Backup, Snapshot, Volume
from backupext.core.quota import Limits
from tests.unit.core.growth import nightly_chain, steps
from tests.unit.core.histories import Cloud, clouds

NOW = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = Policy(26 * HOUR)
FULL_ID, INCREMENT_ID, OTHER_ID = (f'11111111-aaaa-4bbb-8ccc-00000000000{n}' for n in (1, 2, 3))


def ago(age: timedelta) -> str:
    """Return a time as the API writes it."""
    return (NOW - age).replace(tzinfo=None).isoformat()


def backup(age: timedelta, id_: str = FULL_ID, **fields: Any) -> Backup:
    """Return an available full backup of volume ``v``, created and finished some time ago."""
    made = ago(age)
    known = {'status': 'available', 'volume_id': 'v', 'created_at': made, 'data_timestamp': made}
    return Backup(id_, **{**known, 'updated_at': made, 'object_count': 1, **fields})


def volume(id_: str = 'v', **fields: Any) -> Volume:
    return Volume(
        id_, **{'name': 'mail', 'status': 'in-use', 'created_at': ago(90 * DAY), **fields}
    )


def seen(*backups: Backup, **changes: Any) -> Seen:
    """Return what a cloud with one volume and some backups shows."""
    plain = Seen([volume()], [volume()], True, [], backups, [], None, NOW)  # noqa: FBT003
    return plain._replace(**changes)


def report(*backups: Backup, policy: Policy = POLICY, **changes: Any) -> Report:
    return examine(seen(*backups, **changes), policy)


class HealthTest(unittest.TestCase):
    def assert_found(self, result: Report, *kinds: findings.Kind) -> list[str]:
        """Expect findings of these kinds; return their sentences, without the advice."""
        self.assertEqual(
            sorted(each.kind.name for each in result.findings), sorted(each.name for each in kinds)
        )
        return [each.sentence for each in result.findings]


class AgeTest(HealthTest):
    def test_recent_backup_is_ok(self) -> None:
        result = report(backup(26 * HOUR))
        self.assert_found(result)
        self.assertIs(result.severity, Severity.OK)

    def test_old_backup_is_late(self) -> None:
        (said,) = self.assert_found(report(backup(3 * DAY + 4 * HOUR)), findings.LATE)
        self.assertEqual(
            said,
            "Volume 'mail' (v) has no restorable backup in 26h: the newest is 3d4h old, "
            f'{FULL_ID}.',
        )

    def test_volume_without_backups_is_late(self) -> None:
        result = report()
        (said,) = self.assert_found(result, findings.LATE)
        self.assertEqual(said, "Volume 'mail' (v) has no restorable backup.")
        self.assertEqual(result.findings[0].brief, 'never')

    def test_young_volume_without_backups_is_new(self) -> None:
        result = report(volumes=[volume(created_at=ago(26 * HOUR))])
        self.assert_found(result)
        self.assertEqual(result.volumes[0].state, 'new')

    def test_volume_is_not_new_beyond_the_limit(self) -> None:
        self.assert_found(report(volumes=[volume(created_at=ago(27 * HOUR))]), findings.LATE)

    def test_warn_age_warns_before_the_limit(self) -> None:
        policy = POLICY._replace(warn_age=25 * HOUR)
        self.assert_found(report(backup(25 * HOUR), policy=policy))
        result = report(backup(25 * HOUR + timedelta(minutes=1)), policy=policy)
        self.assert_found(result, findings.AGING)
        self.assertIs(result.severity, Severity.WARNING)

    def test_late_volume_is_not_also_aging(self) -> None:
        policy = POLICY._replace(warn_age=25 * HOUR)
        self.assert_found(report(backup(3 * DAY), policy=policy), findings.LATE)

    def test_age_is_that_of_the_data(self) -> None:
        of_old_snapshot = backup(HOUR, snapshot_id='s', data_timestamp=ago(2 * DAY))
        self.assert_found(report(of_old_snapshot), findings.LATE)

    def test_unfinished_backup_does_not_count(self) -> None:
        for status in ('creating', 'error', 'deleting'):
            with self.subTest(status):
                result = report(backup(HOUR, status=status))
                self.assertIn(findings.LATE, [each.kind for each in result.findings])

    def test_backup_that_is_being_restored_counts(self) -> None:
        self.assert_found(report(backup(HOUR, status='restoring')))

    def test_chain_counts_while_its_full_backup_is_being_restored(self) -> None:
        full = backup(2 * DAY, status='restoring')
        self.assert_found(report(full, backup(HOUR, INCREMENT_ID, is_incremental=True)))


class FutureTest(HealthTest):
    def test_backup_in_the_future_is_a_warning(self) -> None:
        result = report(backup(-HOUR))
        (said,) = self.assert_found(result, findings.FUTURE)
        self.assertIn('which is in the future', said)
        self.assertIs(result.severity, Severity.WARNING)

    def test_backup_in_the_future_does_not_hide_a_late_one(self) -> None:
        result = report(backup(3 * DAY), backup(-300 * DAY, OTHER_ID))
        self.assert_found(result, findings.LATE, findings.FUTURE)

    def test_small_difference_of_clocks_is_ignored(self) -> None:
        self.assert_found(report(backup(-timedelta(minutes=4))))


class RestorableTest(HealthTest):
    def test_newest_backup_without_its_parent_is_critical(self) -> None:
        orphan = backup(HOUR, INCREMENT_ID, is_incremental=True)
        result = report(orphan)
        said = self.assert_found(result, findings.LATE, findings.UNRESTORABLE)
        self.assertIn(f'its newest backup, {INCREMENT_ID}: a backup that it builds on', said[1])
        self.assertIn(result.volumes[0].is_restorable, {False})

    def test_older_restorable_backup_does_not_hide_an_unrestorable_one(self) -> None:
        # The incremental builds on the second, which failed later.
        failed = backup(20 * HOUR, OTHER_ID, status='error', updated_at=ago(HOUR))
        orphan = backup(10 * HOUR, INCREMENT_ID, is_incremental=True)
        result = report(backup(24 * HOUR), failed, orphan)
        self.assertIn(findings.UNRESTORABLE, [each.kind for each in result.findings])
        self.assertNotIn(findings.LATE, [each.kind for each in result.findings])

    def test_restorable_chain_is_ok(self) -> None:
        chain = [backup(25 * HOUR, updated_at=ago(HOUR))]
        self.assert_found(report(*chain, backup(HOUR, INCREMENT_ID, is_incremental=True)))


class FailedTest(HealthTest):
    def test_failure_after_the_newest_good_backup_is_a_warning(self) -> None:
        for status in ('error', 'error_deleting'):
            with self.subTest(status):
                failed = backup(HOUR, OTHER_ID, status=status, fail_reason='No\nspace left.')
                (said,) = self.assert_found(report(backup(2 * HOUR), failed), findings.FAILED)
                self.assertEqual(
                    said,
                    f"Volume 'mail' (v) has backup {OTHER_ID} in status {status}: No space left.",
                )

    def test_failure_before_the_newest_good_backup_is_ok(self) -> None:
        self.assert_found(report(backup(HOUR), backup(2 * HOUR, OTHER_ID, status='error')))

    def test_several_failures_are_one_finding(self) -> None:
        failed = [
            backup(timedelta(hours=n), str(n), status='error', name=f'f{n}') for n in (1, 2, 3)
        ]
        (said,) = self.assert_found(report(backup(5 * HOUR), *failed), findings.FAILED)
        self.assertIn("backup 'f1' (1) in status error (3 failed in all)", said)


class RunningTest(HealthTest):
    POLICY = POLICY._replace(max_running=6 * HOUR)

    def test_backup_that_runs_for_too_long_is_a_warning(self) -> None:
        for status in ('creating', 'deleting', 'restoring'):
            with self.subTest(status):
                running = backup(7 * HOUR, OTHER_ID, status=status)
                result = report(backup(9 * HOUR), running, policy=self.POLICY)
                (said,) = self.assert_found(result, findings.SLOW)
                self.assertIn(f'has backup {OTHER_ID} in status {status} for 7h.', said)

    def test_deletion_is_measured_from_its_beginning(self) -> None:
        deleting = backup(9 * DAY, OTHER_ID, status='deleting', updated_at=ago(HOUR))
        self.assert_found(report(backup(HOUR), deleting, policy=self.POLICY))

    def test_running_backup_is_ok_without_a_limit(self) -> None:
        self.assert_found(report(backup(HOUR), backup(7 * DAY, OTHER_ID, status='creating')))


class StuckTest(HealthTest):
    BUSY = volume(status='backing-up')
    SNAPSHOT = Snapshot('s', 'frozen', 'backing-up', 'v', ago(DAY))

    def test_volume_that_is_left_backing_up_is_critical(self) -> None:
        result = report(backup(2 * HOUR), volumes=[self.BUSY])
        (said,) = self.assert_found(result, findings.STUCK)
        self.assertIn("Volume 'mail' (v) is in status backing-up, but no backup", said)
        self.assertIs(result.severity, Severity.CRITICAL)

    def test_volume_with_a_running_backup_is_ok(self) -> None:
        creating = backup(HOUR, OTHER_ID, status='creating')
        self.assert_found(report(backup(2 * HOUR), creating, volumes=[self.BUSY]))

    def test_volume_whose_backup_has_just_ended_is_ok(self) -> None:
        # The list of volumes is read before that of backups.
        ended = backup(2 * HOUR, updated_at=ago(timedelta(seconds=30)))
        self.assert_found(report(ended, volumes=[self.BUSY]))

    def test_backup_of_a_snapshot_does_not_explain_its_volume(self) -> None:
        other = backup(HOUR, OTHER_ID, status='creating', snapshot_id='s')
        self.assert_found(report(backup(2 * HOUR), other, volumes=[self.BUSY]), findings.STUCK)

    def test_snapshot_that_is_left_backing_up_is_critical(self) -> None:
        (said,) = self.assert_found(
            report(backup(2 * HOUR), snapshots=[self.SNAPSHOT]), findings.STUCK
        )
        self.assertIn("Snapshot 'frozen' (s) of volume 'mail' (v)", said)

    def test_snapshot_with_a_running_backup_is_ok(self) -> None:
        creating = backup(HOUR, OTHER_ID, status='creating', snapshot_id='s')
        self.assert_found(report(backup(2 * HOUR), creating, snapshots=[self.SNAPSHOT]))

    def test_other_volumes_snapshots_are_ignored(self) -> None:
        other = replace(self.SNAPSHOT, volume_id='w')
        self.assert_found(report(backup(2 * HOUR), snapshots=[other]))


class ChainTest(HealthTest):
    def test_long_chain_is_a_warning(self) -> None:
        chain = nightly_chain(8)
        now = datetime(2026, 1, 8, 8, tzinfo=timezone.utc)
        facts = {'volumes': [volume('volume')], 'now': now}
        result = report(*chain, policy=POLICY._replace(max_chain=7), **facts)
        (said,) = self.assert_found(result, findings.CHAIN)
        self.assertIn('has a chain of 8 backups, but at most 7 are expected', said)
        self.assert_found(report(*chain, policy=POLICY._replace(max_chain=8), **facts))

    def test_full_backup_is_a_chain_of_one(self) -> None:
        result = report(backup(HOUR), policy=POLICY._replace(max_chain=1))
        self.assert_found(result)
        self.assertEqual(result.volumes[0].chain, 1)

    def test_backups_of_the_same_moment_do_not_build_on_each_other_for_ever(self) -> None:
        twins = [backup(HOUR, id_, is_incremental=True) for id_ in (INCREMENT_ID, OTHER_ID)]
        result = report(backup(DAY, updated_at=ago(HOUR)), *twins)
        self.assertIn(result.volumes[0].chain, {2, 3})

    def test_work_grows_with_the_number_of_backups(self) -> None:
        def work(length: int) -> int:
            facts = seen(*nightly_chain(length), volumes=[volume('volume')])
            return steps(lambda: examine(facts, POLICY._replace(max_chain=9)))

        self.assertLess(work(400), 3 * work(200))


class QuotaTest(HealthTest):
    VOLUMES = (volume('v', size=10), volume('w', size=20))

    def found(self, limits: Limits) -> Report:
        recent = [backup(HOUR), backup(HOUR, OTHER_ID, volume_id='w')]
        return report(*recent, volumes=self.VOLUMES, limits=limits)

    def test_next_round_over_the_number_of_backups_is_a_warning(self) -> None:
        result = self.found(Limits(10, None, 9, 500))
        (said,) = self.assert_found(result, findings.QUOTA)
        self.assertEqual(
            said,
            'Another backup of each selected volume would exceed the quota: 2 backups needed, 1 of '
            '10 left.',
        )

    def test_next_round_over_the_size_is_a_warning(self) -> None:
        result = self.found(Limits(10, 100, 8, 71))
        (said,) = self.assert_found(result, findings.QUOTA)
        self.assertIn('30 GiB needed, 29 of 100 left', said)
        self.assertNotIn('backups needed', said)

    def test_next_round_that_fits_is_ok(self) -> None:
        self.assert_found(self.found(Limits(10, 100, 8, 70)))

    def test_unlimited_quota_is_ok(self) -> None:
        self.assert_found(self.found(Limits()))


class LeftoverTest(HealthTest):
    COPY = Volume('c', f'backup-vol-{OTHER_ID}', 'available')
    SNAPSHOT = Snapshot('s', f'backup-snap-{OTHER_ID}', 'available', 'v')

    def test_copies_without_a_backup_are_left_over(self) -> None:
        result = report(backup(HOUR), listed=[volume(), self.COPY], snapshots=[self.SNAPSHOT])
        said = self.assert_found(result, findings.LEFTOVER, findings.LEFTOVER)
        self.assertEqual(
            said[0],
            f"Temporary volume 'backup-vol-{OTHER_ID}' (c) is left over: its backup does not "
            'exist.',
        )
        self.assertIn('Temporary snapshot ', said[1])
        self.assertEqual([each.id for each in result.others], ['c', 's'])

    def test_copies_of_a_finished_backup_are_left_over(self) -> None:
        finished = backup(HOUR, OTHER_ID)
        (said,) = self.assert_found(
            report(finished, listed=[volume(), self.COPY]), findings.LEFTOVER
        )
        self.assertIn('its backup is in status available', said)

    def test_copies_of_a_running_backup_are_ok(self) -> None:
        creating = backup(HOUR, OTHER_ID, status='creating')
        just_ended = backup(HOUR, OTHER_ID, updated_at=ago(timedelta(seconds=9)))
        for other in (creating, just_ended):
            with self.subTest(other.status):
                result = report(
                    backup(2 * HOUR), other, listed=[volume(), self.COPY], snapshots=[self.SNAPSHOT]
                )
                self.assert_found(result)

    def test_copies_that_are_being_deleted_are_ok(self) -> None:
        copy = replace(self.COPY, status='deleting')
        self.assert_found(report(backup(HOUR), listed=[volume(), copy]))

    def test_copies_of_other_volumes_are_ignored(self) -> None:
        others = [backup(HOUR, OTHER_ID, volume_id='w')]
        listed, snapshots = [volume(), self.COPY], [replace(self.SNAPSHOT, volume_id='w')]
        for backups in (others, []):
            with self.subTest(len(backups)):
                result = report(
                    backup(HOUR), *backups, listed=listed, snapshots=snapshots, is_complete=False
                )
                self.assert_found(result)

    def test_copy_of_a_selected_volume_is_found_by_its_backup(self) -> None:
        finished = backup(HOUR, OTHER_ID)
        result = report(finished, listed=[volume(), self.COPY], is_complete=False)
        self.assert_found(result, findings.LEFTOVER)

    def test_user_snapshot_is_not_left_over(self) -> None:
        named = Snapshot('s', 'backup-snap-of-mine', 'available', 'v')
        self.assert_found(report(backup(HOUR), snapshots=[named]))


class MissingTest(HealthTest):
    def test_volume_that_was_not_found_is_unknown(self) -> None:
        result = report(backup(HOUR), missing=[('nosuch', "No volume has the name 'nosuch'.")])
        self.assert_found(result, findings.MISSING)
        self.assertIs(result.severity, Severity.UNKNOWN)
        self.assertEqual(result.others[0].name, 'nosuch')

    def test_critical_finding_is_worse_than_an_unknown_volume(self) -> None:
        result = report(missing=[('nosuch', "No volume has the name 'nosuch'.")])
        self.assertIs(result.severity, Severity.CRITICAL)

    def test_unwritten_metrics_file_is_unknown(self) -> None:
        result = report(backup(HOUR)).with_unwritten('Cannot write it.')
        self.assertEqual(self.assert_found(result, findings.UNWRITTEN), ['Cannot write it.'])
        self.assertIs(result.severity, Severity.UNKNOWN)


class CountedTest(HealthTest):
    """Only backups with the label or the properties count."""

    def marked(self, **metadata: str) -> Backup:
        return backup(
            HOUR, metadata={key.replace('_', ':'): each for key, each in metadata.items()}
        )

    def test_only_backups_with_the_label_count(self) -> None:
        policy = POLICY._replace(label='nightly')
        labelled = backup(HOUR, metadata={labels.ROTATION: 'nightly'})
        self.assert_found(report(labelled, policy=policy))
        other = backup(HOUR, metadata={labels.ROTATION: 'weekly'})
        (said,) = self.assert_found(report(other, policy=policy), findings.LATE)
        self.assertIn("has no restorable backup with label 'nightly'", said)

    def test_only_backups_with_all_properties_count(self) -> None:
        policy = POLICY._replace(properties=(Property('job', 'nightly'), Property('tier')))
        self.assert_found(
            report(backup(HOUR, metadata={'job': 'nightly', 'tier': ''}), policy=policy)
        )
        (said,) = self.assert_found(
            report(self.marked(job='nightly'), policy=policy), findings.LATE
        )
        self.assertIn('has no restorable backup with job=nightly, tier', said)

    def test_failure_of_another_job_is_ignored(self) -> None:
        policy = POLICY._replace(label='nightly')
        labelled = backup(2 * HOUR, metadata={labels.ROTATION: 'nightly'})
        self.assert_found(report(labelled, backup(HOUR, OTHER_ID, status='error'), policy=policy))

    def test_backup_of_another_job_can_be_a_parent(self) -> None:
        policy = POLICY._replace(label='nightly')
        child = backup(
            HOUR, INCREMENT_ID, is_incremental=True, metadata={labels.ROTATION: 'nightly'}
        )
        result = report(backup(DAY, updated_at=ago(HOUR)), child, policy=policy)
        self.assert_found(result)
        self.assertEqual(result.volumes[0].chain, 2)
        self.assertEqual(result.volumes[0].statuses, {'available': 1})


class ReportTest(HealthTest):
    def test_worst_volumes_come_first(self) -> None:
        volumes = [volume('v', name='a'), volume('w', name='b'), volume('x', name='c')]
        failed = backup(HOUR, OTHER_ID, volume_id='w', status='error')
        good = [backup(2 * HOUR), backup(2 * HOUR, INCREMENT_ID, volume_id='w'), failed]
        result = report(*good, volumes=volumes)
        self.assertEqual(
            [(each.name, each.state) for each in result.volumes],
            [('c', 'critical'), ('b', 'warning'), ('a', 'ok')],
        )
        self.assertEqual([each.kind for each in result.findings], [findings.LATE, findings.FAILED])

    def test_volume_is_described(self) -> None:
        failed = backup(DAY, OTHER_ID, status='error')
        result = report(backup(HOUR), failed, volumes=[volume(project_id='p')])
        self.assertEqual(
            result.volumes[0],
            Health(
                *('v', 'mail', 'p', (), backup(HOUR), HOUR),
                is_restorable=True,
                chain=1,
                statuses={'available': 1, 'error': 1},
            ),
        )

    def test_every_kind_has_sentences(self) -> None:
        for kind in findings.KINDS:
            with self.subTest(kind.name):
                self.assertRegex(kind.meaning, r'^[A-Z].*\.$')
                self.assertRegex(kind.advice, r'^[A-Z].*\.$')

    def test_names_of_kinds_are_different(self) -> None:
        self.assertEqual(len({each.name for each in findings.KINDS}), len(findings.KINDS))


_AGES = st.sampled_from([HOUR, DAY, 9 * DAY, 90 * DAY])
_POLICIES = st.builds(
    POLICY._replace,
    max_age=_AGES,
    max_running=st.none() | _AGES,
    max_chain=st.none() | st.integers(1, 4),
)


def look(cloud: Cloud) -> Seen:
    """Return what a cloud with a history shows."""
    now = cloud.now.replace(tzinfo=timezone.utc)
    volumes = [volume('volume-0'), volume('volume-1')]
    rows = cloud.rows()
    return Seen(volumes, volumes, True, [], rows, cloud.snapshots, None, now)  # noqa: FBT003


def truly_restorable(cloud: Cloud) -> Iterable[Backup]:
    """Return the backups that a restore can use, by their real parents."""
    for row in cloud.made.values():
        needed = {row.id, *cloud.ancestors(row.id)}
        if all(cloud.made[each].status == 'available' for each in needed):
            yield row


class HistoryTest(unittest.TestCase):
    """Random histories of a model of Cinder."""

    @given(clouds(), _POLICIES)
    def test_volume_with_a_recent_restorable_backup_is_never_late(
        self, cloud: Cloud, policy: Policy
    ) -> None:
        facts = look(cloud)
        late = {each.id for each in examine(facts, policy).concerned[findings.LATE]}
        for good in truly_restorable(cloud):
            if good.data_time and facts.now - good.data_time <= policy.max_age:
                self.assertNotIn(good.volume_id, late)

    @given(clouds(), _POLICIES)
    def test_order_of_the_list_does_not_matter(self, cloud: Cloud, policy: Policy) -> None:
        facts = look(cloud)
        rows = sorted(facts.backups, key=lambda each: each.id)
        self.assertEqual(
            examine(facts._replace(backups=rows), policy).findings,
            examine(facts._replace(backups=rows[::-1]), policy).findings,
        )

    @given(clouds(), _POLICIES)
    def test_fresh_full_backup_ends_what_is_wrong_with_a_volume(
        self, cloud: Cloud, policy: Policy
    ) -> None:
        facts = look(cloud)
        made = cloud.now.isoformat(timespec='microseconds')
        fresh = Backup(
            'z',
            status='available',
            volume_id='volume-0',
            created_at=made,
            data_timestamp=made,
            updated_at=made,
        )
        later = facts.now + HOUR
        result = examine(facts._replace(backups=[*facts.backups, fresh], now=later), policy)
        (first,) = [each for each in result.volumes if each.id == 'volume-0']
        self.assertLessEqual({each.kind for each in first.findings}, {findings.SLOW})
        self.assertEqual(first.newest, fresh)

    @given(clouds(), _POLICIES, st.sampled_from([timedelta(), HOUR, 9 * DAY]))
    def test_longer_limit_never_makes_it_worse(
        self, cloud: Cloud, policy: Policy, more: timedelta
    ) -> None:
        facts = look(cloud)
        lenient = policy._replace(max_age=policy.max_age + more)
        strict, loose = examine(facts, policy), examine(facts, lenient)
        self.assertLessEqual(loose.severity.value, strict.severity.value)
