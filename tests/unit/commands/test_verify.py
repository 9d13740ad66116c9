# SPDX-License-Identifier: Apache-2.0
import json
import re
import signal
from typing import Any

from backupext.core.labels import ROTATION
from backupext.core.scratch import Mark
from tests.unit.restoring import TENANT, RestoringTest
from tests.unit.rows import ID, OTHER_VOLUME_ID, VOLUME_ID
from tests.unit.shell import Result
from tests.unit.stub import OTHER_PROJECT

VERIFY = '-q volume backup verify'
ALL = f'{VERIFY} --all-volumes'
THIRD_VOLUME_ID = '22222222-aaaa-4bbb-8ccc-000000000003'
OLD = '2026-12-01T02:58:00.000000'
LEFTOVER_ID = '55555555-aaaa-4bbb-8ccc-000000000001'


class VerifyTest(RestoringTest):
    def rows(self, arguments: str, status: int) -> list[dict[str, Any]]:
        """Run a command, expect an exit status, and return the rows."""
        result = self.run_json(arguments, status)
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        return rows

    def run_json(self, arguments: str, status: int) -> Result:
        result = self.openstack(f'{arguments} -f json')
        self.assertEqual(result.status, status, result)
        return result

    def results(self, arguments: str, status: int) -> list[tuple[str, str]]:
        """Run a command, and return the backup and the result of each row."""
        return [(row['Backup'], row['Result']) for row in self.rows(arguments, status)]

    def keep_others(self, *ids: str) -> None:
        for number, id_ in enumerate(ids, start=2):
            self.cloud.keep_volume(id_, name=f'data{number}')


class OutcomeTest(VerifyTest):
    def test_backup_is_restored_and_the_scratch_volume_deleted(self) -> None:
        backup = self.cloud.keep(1)
        row = {
            'Volume': VOLUME_ID,
            'Backup': backup,
            'Result': 'verified',
            'Duration': 2,
            'Error': '',
        }
        result = self.run_json(f'{VERIFY} {backup}', 0)
        self.assertEqual((json.loads(result.stdout), result.stderr), ([row], ''))
        self.assertEqual((len(self.cloud.restores), self.cloud.scratch), (1, {}))

    def test_scratch_volume_is_marked_and_placed_like_the_source(self) -> None:
        backup = self.cloud.keep(1)
        self.openstack(f'{VERIFY} {backup}')
        (asked,) = self.cloud.restores
        run = asked['metadata']['backupext:verify']
        self.assertRegex(run, r'\A[0-9a-f]{8}\Z')
        self.assertEqual(
            asked,
            {
                'backup_id': backup,
                'name': f'backupext-verify-{run}-{backup}',
                'description': "Scratch volume of 'openstack volume backup verify' for backup "
                f'{backup}. It will be deleted.',
                'metadata': {'backupext:verify': run},
                'volume_type': 'fast',
                'availability_zone': 'nova',
            },
        )

    def test_table_shows_the_name_of_the_volume_and_the_duration(self) -> None:
        self.use_restoring(takes=100)
        self.cloud.keep(1)
        printed = self.openstack(f'{ALL} -c Volume -c Result -c Duration')
        self.assertEqual(
            printed.stdout,
            '+--------+----------+----------+\n'
            '| Volume | Result   | Duration |\n'
            '+--------+----------+----------+\n'
            '| data   | verified | 1m47s    |\n'
            '+--------+----------+----------+\n',
        )

    def test_failed_restore_is_reported_and_the_scratch_volume_deleted(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.broken = {backup}
        (row,) = self.rows(f'{VERIFY} {backup}', 1)
        self.assertEqual((row['Result'], row['Duration']), ('failed', 2))
        self.assertRegex(row['Error'], r'\AThe restore failed\. .* in status error_restoring\.\Z')
        self.assertEqual((len(self.cloud.deleted), self.cloud.scratch), (1, {}))

    def test_failure_of_one_does_not_stop_the_others(self) -> None:
        good, bad = self.cloud.keep(1), self.cloud.keep(2)
        self.cloud.broken = {bad}
        result = self.run_json(f'{VERIFY} {bad} {good} nosuch', 4)
        self.assertEqual(
            [(row['Backup'], row['Result']) for row in json.loads(result.stdout)],
            [(bad, 'failed'), (good, 'verified'), (None, 'failed')],
        )
        self.assertEqual(result.stderr, '1 of 3 backups verified, 2 failed.\n')
        self.assertEqual(self.cloud.scratch, {})

    def test_summary_is_noted(self) -> None:
        result = self.openstack(f'volume backup verify {self.cloud.keep(1)}')
        self.assertEqual(result.stderr.splitlines()[-1], '1 of 1 backup verified.')

    def test_refused_restore_is_a_failure(self) -> None:
        backup = self.cloud.keep(1)
        said = "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'v'."
        self.cloud.refuse('POST /volumes', 413, said)
        (row,) = self.rows(f'{VERIFY} {backup}', 1)
        self.assertEqual(row['Result'], 'failed')
        self.assertIn('exceed the quota', row['Error'])
        self.assertEqual(self.cloud.deleted, [])

    def test_failed_backup_is_a_failure_without_a_restore(self) -> None:
        backup = self.cloud.keep(1, status='error')
        (row,) = self.rows(f'{VERIFY} {backup}', 1)
        self.assertEqual(row['Result'], 'failed')
        self.assertIn('in status error', row['Error'])
        self.assertEqual(self.cloud.restores, [])

    def test_deleted_backup_is_a_failure(self) -> None:
        first, second = self.cloud.keep(1), self.cloud.keep(2)
        self.cloud.after(1, lambda: self.cloud.remove(second))
        self.assertEqual(
            self.results(f'{VERIFY} {first} {second}', 4),
            [(first, 'verified'), (second, 'failed')],
        )

    def test_busy_backup_is_not_restored(self) -> None:
        for status in ('creating', 'restoring'):
            with self.subTest(status):
                self.use_restoring()
                backup = self.cloud.keep(1, status=status)
                (row,) = self.rows(f'{VERIFY} {backup}', 1)
                self.assertEqual((row['Result'], self.cloud.restores), ('busy', []))
                self.assertIn(f'in status {status}', row['Error'])

    def test_backup_that_becomes_busy_is_not_a_failure(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.refuse('POST /volumes', 400, 'Originating backup status must be available')
        self.cloud.on(f'GET /backups/{backup}', {'backup': self.cloud.row(backup)})
        self.cloud.on(f'GET /backups/{backup}', {'backup': self.cloud.row(backup)})
        self.cloud.on(
            f'GET /backups/{backup}', {'backup': {**self.cloud.row(backup), 'status': 'restoring'}}
        )
        self.assertEqual(self.results(f'{VERIFY} {backup}', 1), [(backup, 'busy')])

    def test_restores_run_one_at_a_time_by_default(self) -> None:
        backups = ' '.join(self.cloud.keep(number) for number in range(1, 5))
        self.assertEqual(self.openstack(f'{VERIFY} {backups}').status, 0)
        self.assertEqual(self.cloud.most_restores, 1)

    def test_concurrency_limits_the_restores(self) -> None:
        backups = ' '.join(self.cloud.keep(number) for number in range(1, 5))
        self.assertEqual(self.openstack(f'{VERIFY} {backups} --concurrency 3').status, 0)
        self.assertEqual(self.cloud.most_restores, 3)


class KeepTest(VerifyTest):
    def test_keep_shows_the_volume_and_does_not_delete_it(self) -> None:
        backup = self.cloud.keep(1)
        (row,) = self.rows(f'{VERIFY} {backup} --keep', 0)
        self.assertEqual(row['Result'], 'verified')
        self.assertEqual(list(self.cloud.scratch), [row['New Volume']])
        self.assertEqual(self.cloud.deleted, [])

    def test_kept_volume_is_not_deleted_by_later_runs(self) -> None:
        backup = self.cloud.keep(1)
        self.openstack(f'{VERIFY} {backup} --keep')
        (kept,) = self.cloud.scratch
        self.clock.time += 1000
        self.assertEqual(self.openstack(f'{VERIFY} {backup}').status, 0)
        self.assertEqual(list(self.cloud.scratch), [kept])

    def test_keep_deletes_the_volume_of_a_failed_restore(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.broken = {backup}
        (row,) = self.rows(f'{VERIFY} {backup} --keep', 1)
        self.assertIsNone(row['New Volume'])
        self.assertEqual(self.cloud.scratch, {})


class SelectionTest(VerifyTest):
    def setUp(self) -> None:
        super().setUp()
        self.keep_others(OTHER_VOLUME_ID, THIRD_VOLUME_ID)

    def test_newest_restorable_backup_of_each_volume_is_verified(self) -> None:
        old = self.cloud.keep(1)
        self.cloud.keep(2, status='error')
        other = self.cloud.keep(3, volume_id=OTHER_VOLUME_ID)
        child = self.cloud.keep(4, other, volume_id=OTHER_VOLUME_ID)
        third = self.cloud.keep(5, volume_id=THIRD_VOLUME_ID)
        self.assertEqual(
            self.results(ALL, 0), [(old, 'verified'), (child, 'verified'), (third, 'verified')]
        )

    def test_label_limits_the_backups(self) -> None:
        mine = self.cloud.keep(1, metadata={ROTATION: 'nightly'})
        self.cloud.keep(2, metadata={ROTATION: 'weekly'})
        self.cloud.keep(3)
        self.assertEqual(
            self.results(f'{VERIFY} --volume data --label nightly', 0), [(mine, 'verified')]
        )

    def test_large_backups_are_skipped(self) -> None:
        small = self.cloud.keep(1, size=10)
        large = self.cloud.keep(2, size=11, volume_id=OTHER_VOLUME_ID)
        command = f'{VERIFY} --volume data --volume data2 --max-size 10'
        skipped, verified = sorted(self.rows(command, 0), key=lambda row: str(row['Result']))
        self.assertEqual((skipped['Backup'], verified['Backup']), (large, small))
        self.assertEqual(skipped['Error'], 'It has 11 GiB, which is more than 10.')

    def test_run_that_skips_everything_fails(self) -> None:
        self.cloud.keep(1, size=11)
        self.assertEqual(len(self.rows(f'{VERIFY} --volume data --max-size 10', 1)), 1)
        self.assertEqual(self.cloud.restores, [])

    def test_sample_verifies_some_of_the_volumes(self) -> None:
        backups = {
            self.cloud.keep(number, volume_id=id_)
            for number, id_ in enumerate((VOLUME_ID, OTHER_VOLUME_ID, THIRD_VOLUME_ID), start=1)
        }
        seen: set[str] = set()
        for _ in range(30):
            found = self.results(f'{ALL} --sample 1', 0)
            self.assertEqual(len(found), 1)
            seen.update(backup for backup, _ in found)
            self.cloud.asked.clear()
        # One of the three is never drawn with a probability of one in 60,000.
        self.assertEqual(seen, backups)

    def test_volume_without_a_backup_is_skipped_unless_named(self) -> None:
        self.cloud.keep(1)
        self.assertEqual(
            [row['Result'] for row in self.rows(ALL, 0)], ['verified', 'skipped', 'skipped']
        )
        rows = self.rows(f'{VERIFY} --volume data --volume data2', 4)
        self.assertEqual([row['Result'] for row in rows], ['verified', 'failed'])
        self.assertEqual(rows[1]['Error'], 'The volume has no backup.')

    def test_missing_volume_is_a_failure(self) -> None:
        backup = self.cloud.keep(1)
        rows = self.rows(f'{VERIFY} --volume data --volume nosuch', 4)
        self.assertEqual(
            [(row['Volume'], row['Backup']) for row in rows],
            [(VOLUME_ID, backup), ('nosuch', None)],
        )

    def test_nothing_selected_is_an_error(self) -> None:
        self.assert_fails(f'{VERIFY} --volume-property tier=gold', 'No volume is selected.')

    def test_administrator_verifies_other_projects(self) -> None:
        self.use_restoring(roles=('admin',))
        self.cloud.volumes[VOLUME_ID][TENANT] = OTHER_PROJECT
        backup = self.cloud.keep(1, project=OTHER_PROJECT)
        self.assertEqual(self.results(f'{ALL} --all-projects', 0), [(backup, 'verified')])
        self.assertEqual(self.cloud.scratch, {})


class UsageTest(VerifyTest):
    def test_backups_or_volumes_are_required_but_not_both(self) -> None:
        sentence = (
            'Name at least one backup, or select volumes with --volume, --server, '
            '--volume-property or --all-volumes, but not both.'
        )
        for arguments in ('', 'b --all-volumes', 'b --volume v', '--exclude v'):
            self.assert_fails(f'{VERIFY} {arguments}', sentence, status=2)
        self.assert_asked()

    def test_label_and_sample_require_volumes(self) -> None:
        for option in ('--label nightly', '--sample 2'):
            self.assert_fails(
                f'{VERIFY} b {option}', '--label and --sample require selected volumes.', status=2
            )

    def test_old_cloud_is_refused(self) -> None:
        self.use_restoring(maximum='3.46')
        self.assert_fails(
            f'{VERIFY} {ID}',
            'verify requires Block Storage 3.47 to create volumes from backups, but this cloud is '
            'too old: it offers 3.0 to 3.46.',
        )


class StopTest(VerifyTest):
    def assert_left(self, result: Result, *words: str) -> str:
        """Expect that a scratch volume remains and is named, and return its ID."""
        (left,) = self.cloud.scratch
        self.assertIn(f'openstack volume delete {left}\n', result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        return left

    def test_time_limit_names_the_scratch_volume(self) -> None:
        self.use_restoring(takes=1000)
        first, second = self.cloud.keep(1), self.cloud.keep(2)
        result = self.run_json(f'{VERIFY} {first} {second} --timeout 5m', 3)
        self.assertEqual(
            [(row['Backup'], row['Result'], row['Error']) for row in json.loads(result.stdout)],
            [
                (first, 'timed out', 'Its restore has not ended.'),
                (second, 'timed out', 'Its restore was not started.'),
            ],
        )
        self.assert_left(result, '0 of 2 backups verified, 2 timed out.')
        self.assertEqual(self.clock.passed, 360)

    def test_scratch_volume_is_deleted_soon_after_the_time_limit(self) -> None:
        self.use_restoring(takes=320)
        backup = self.cloud.keep(1)
        self.assertEqual(
            self.results(f'{VERIFY} {backup} --timeout 5m', 3), [(backup, 'timed out')]
        )
        self.assertEqual(self.cloud.scratch, {})

    def test_time_limit_after_the_restore_keeps_the_result(self) -> None:
        backup = self.cloud.keep(1)
        # The restore takes 2 s and the deletion another.
        self.assertEqual(self.results(f'{VERIFY} {backup} --timeout 3s', 0), [(backup, 'verified')])
        self.assertEqual(self.cloud.scratch, {})

    def test_verified_backups_and_timeouts_have_exit_status_3(self) -> None:
        self.use_restoring(takes=70)
        backups = [self.cloud.keep(1), self.cloud.keep(2)]
        found = self.results(f'{VERIFY} {" ".join(backups)} --timeout 120s', 3)
        self.assertEqual([result for _, result in found], ['verified', 'timed out'])
        self.assertEqual(self.cloud.scratch, {})

    def test_ctrl_c_deletes_the_scratch_volume_when_its_restore_has_ended(self) -> None:
        self.use_restoring(takes=1000)
        first, second = self.cloud.keep(1), self.cloud.keep(2)
        self.clock.interrupt_at(3)
        result = self.run_json(f'{VERIFY} {first} {second}', 130)
        self.assertEqual(
            [(row['Backup'], row['Result']) for row in json.loads(result.stdout)],
            [(first, 'interrupted'), (second, 'interrupted')],
        )
        self.assertEqual((len(self.cloud.restores), self.cloud.scratch), (1, {}))
        self.assertGreater(self.clock.passed, 1000)

    def test_ctrl_c_explains_the_wait(self) -> None:
        backup = self.cloud.keep(1)
        self.clock.interrupt_at(1)
        result = self.openstack(f'volume backup verify {backup}')
        self.assertIn('Press Ctrl-C again to leave them.\n', result.stderr)

    def test_second_ctrl_c_leaves_the_scratch_volume_and_names_it(self) -> None:
        self.use_restoring(takes=1000)
        backup = self.cloud.keep(1)

        def press() -> None:
            if len(self.clock.sleeps) in {3, 5}:
                raise KeyboardInterrupt

        self.clock.during = press
        result = self.run_json(f'{VERIFY} {backup}', 130)
        self.assert_left(result, 'its restore has not ended')
        self.assertLess(self.clock.passed, 1000)

    def test_signals_are_treated_like_ctrl_c(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                self.use_restoring()
                backup = self.cloud.keep(1)
                before = signal.getsignal(number)
                self.at(1, lambda number=number: signal.raise_signal(number))  # type: ignore[misc]
                self.assertEqual(self.results(f'{VERIFY} {backup}', 130), [(backup, 'interrupted')])
                self.assertEqual(self.cloud.scratch, {})
                self.assertIs(signal.getsignal(number), before)

    def test_ignored_signal_stays_ignored(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        backup = self.cloud.keep(1)
        self.at(1, lambda: signal.raise_signal(signal.SIGHUP))
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])

    def test_ctrl_c_during_the_request_deletes_the_volume(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.interrupt('POST /volumes')
        self.assertEqual(self.results(f'{VERIFY} {backup}', 130), [(backup, 'interrupted')])
        self.assertEqual((len(self.cloud.restores), self.cloud.scratch), (1, {}))


class FaultTest(VerifyTest):
    def test_lost_answer_continues_with_the_volume_that_was_created(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.lose('POST /volumes')
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])
        self.assertEqual((len(self.cloud.restores), self.cloud.scratch), (1, {}))

    def test_request_is_repeated_if_no_volume_was_created(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.refuse('POST /volumes', 503, 'Busy.')
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])
        self.assertEqual((len(self.cloud.restores), self.cloud.scratch), (2, {}))

    def test_lost_answer_to_the_deletion_is_not_a_failure(self) -> None:
        backup = self.cloud.keep(1)
        self.cloud.lose('DELETE /volumes/44444444-aaaa-4bbb-8ccc-000000000001')
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])
        self.assertEqual(self.cloud.scratch, {})

    def test_failing_deletion_is_reported(self) -> None:
        backup = self.cloud.keep(1)
        line = 'DELETE /volumes/44444444-aaaa-4bbb-8ccc-000000000001'
        self.cloud.refuse(line, 400, 'Invalid volume: it has snapshots.')
        result = self.run_json(f'{VERIFY} {backup}', 4)
        (row,) = json.loads(result.stdout)
        self.assertEqual(
            (row['Result'], row['Error']), ('verified', 'The scratch volume was not deleted.')
        )
        self.assertRegex(result.stderr, r'Cannot delete volume .*: .*it has snapshots')


class DangerTest(VerifyTest):
    """Volumes that must not be deleted."""

    def change_at_the_end(self, **fields: Any) -> Result:
        """Change the scratch volume when it has been restored, and return the result."""
        backup = self.cloud.keep(1)
        self.cloud.after_restore = fields
        return self.run_json(f'{VERIFY} {backup}', 4)

    def assert_kept(self, result: Result, why: str) -> None:
        (left,) = self.cloud.scratch
        self.assertRegex(result.stderr, f'Volume .*{left}.* was not deleted: .*{re.escape(why)}')
        self.assertEqual(self.cloud.deleted, [])

    def test_attached_volume_is_kept(self) -> None:
        attached = [{'server_id': 's', 'device': '/dev/vdb'}]
        self.assert_kept(self.change_at_the_end(attachments=attached), 'it is attached')

    def test_volume_in_use_is_kept(self) -> None:
        self.assert_kept(self.change_at_the_end(status='in-use'), 'its status is in-use')

    def test_renamed_volume_is_kept(self) -> None:
        self.assert_kept(self.change_at_the_end(name='precious'), 'its name or its description')
        self.use_restoring()
        self.assert_kept(self.change_at_the_end(description='precious'), 'its description')

    def test_volume_of_another_project_is_kept(self) -> None:
        self.assert_kept(self.change_at_the_end(**{TENANT: OTHER_PROJECT}), 'another project')


class EncryptedTest(VerifyTest):
    """In the middle of a restore, Cinder gives the volume the key of the source."""

    def setUp(self) -> None:
        super().setUp()
        self.encrypt()

    def encrypt(self) -> None:
        self.cloud.volumes[VOLUME_ID].update(
            encrypted=True, volume_type='secret', encryption_key_id='source-key'
        )

    def test_scratch_volume_has_the_type_of_the_source(self) -> None:
        backup = self.cloud.keep(1, encryption_key_id='backup-key')
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])
        self.assertEqual(self.cloud.restores[0]['volume_type'], 'secret')
        self.assertEqual(self.cloud.scratch, {})

    def test_type_comes_from_the_label_if_the_source_is_gone(self) -> None:
        del self.cloud.volumes[VOLUME_ID]
        metadata = {'backupext:volume-type': 'secret'}
        backup = self.cloud.keep(1, encryption_key_id='backup-key', metadata=metadata)
        self.assertEqual(self.results(f'{VERIFY} {backup}', 0), [(backup, 'verified')])
        self.assertEqual(self.cloud.restores[0]['volume_type'], 'secret')

    def test_unknown_type_is_a_failure_before_anything_changes(self) -> None:
        del self.cloud.volumes[VOLUME_ID]
        backup = self.cloud.keep(1, encryption_key_id='backup-key')
        (row,) = self.rows(f'{VERIFY} {backup}', 1)
        self.assertIn('it is encrypted', row['Error'])
        self.assertEqual(self.cloud.restores, [])

    def fail(self, status: int = 1) -> Result:  # type: ignore[override]
        """Verify a backup whose restore fails."""
        backup = self.cloud.keep(1)
        self.cloud.broken = {backup}
        return self.run_json(f'{VERIFY} {backup}', status)

    def test_failed_volume_with_its_own_key_is_deleted(self) -> None:
        self.fail()
        self.assertEqual((len(self.cloud.deleted), self.cloud.scratch), (1, {}))

    def test_failed_volume_with_the_key_of_the_source_is_kept(self) -> None:
        self.cloud.key_after_failure = 'source-key'
        self.assert_kept(self.fail())

    def test_failed_volume_is_kept_if_the_cloud_does_not_show_keys(self) -> None:
        self.use_restoring(maximum='3.63')
        self.encrypt()
        self.assert_kept(self.fail())

    def test_failed_volume_is_kept_if_its_first_key_is_not_known(self) -> None:
        self.cloud.lose('POST /volumes')
        self.assert_kept(self.fail())

    def assert_kept(self, result: Result) -> None:
        self.assertEqual((len(self.cloud.scratch), self.cloud.deleted), (1, []))
        self.assertIn('encryption key', result.stderr)
        self.assertNotIn('openstack volume delete', result.stderr)


class LeftoverTest(VerifyTest):
    """Scratch volumes of runs that were killed."""

    def setUp(self) -> None:
        super().setUp()
        self.backup = self.cloud.keep(1)

    def leave(self, **changes: Any) -> None:
        """Leave a scratch volume behind, two minutes ago."""
        mark = Mark('0badcafe', self.backup)
        fields = {
            'name': mark.name,
            'description': mark.description,
            'metadata': {'src_backup_id': self.backup, 'tier': 'gold'},
            'updated_at': OLD,
        }
        self.cloud.keep_volume(LEFTOVER_ID, **{**fields, **changes})

    def verify(self) -> str:
        """Verify the backup, and return what is on standard error."""
        result = self.openstack(f'volume backup verify {self.backup}')
        self.assertEqual(result.status, 0, result)
        return result.stderr

    def assert_silent(self) -> None:
        """Verify the backup; expect nothing on standard error but progress."""
        for line in self.verify().splitlines():
            self.assertRegex(
                line, r': (creating|available|error_restoring|deleting|deleted)$|verified\.$'
            )

    def test_restored_leftover_is_deleted(self) -> None:
        self.leave()
        self.assert_silent()
        self.assertEqual(self.cloud.deleted[0], LEFTOVER_ID)
        self.assertNotIn(LEFTOVER_ID, self.cloud.volumes)

    def test_failed_leftover_is_deleted(self) -> None:
        self.leave(status='error_restoring', metadata={'backupext:verify': '0badcafe'})
        self.assert_silent()
        self.assertNotIn(LEFTOVER_ID, self.cloud.volumes)

    def test_other_volumes_are_kept_without_a_word(self) -> None:
        for changes in (
            {'name': f'backupext-verify-{self.backup}'},
            {'name': 'backupext-verify-precious'},
            {'description': None},
            {'description': 'precious'},
            {'status': 'deleting'},
        ):
            with self.subTest(changes):
                self.leave(**changes)
                self.assert_silent()
                self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_leftover_in_doubt_is_kept_and_named(self) -> None:
        attached = [{'server_id': 's', 'device': '/dev/vdb'}]
        for changes, why in (
            ({'attachments': attached}, 'it is attached'),
            ({'status': 'in-use'}, 'its status is in-use'),
            ({'metadata': {}}, 'it was not restored from the backup in its name'),
            ({'metadata': {'src_backup_id': ID[:-1] + '9'}}, 'it was not restored'),
            ({'status': 'error_restoring', 'metadata': {}}, 'the properties'),
            ({'status': 'error_restoring', 'encrypted': True}, 'encryption key'),
            ({TENANT: OTHER_PROJECT}, 'it belongs to another project'),
        ):
            with self.subTest(changes):
                self.leave(**changes)
                self.assertRegex(self.verify(), f'{LEFTOVER_ID}.* was not deleted: .*{why}')
                self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_leftover_that_changes_before_its_deletion_is_kept(self) -> None:
        self.leave()
        row = dict(self.cloud.volumes[LEFTOVER_ID], status='in-use')
        self.cloud.on(f'GET /volumes/{LEFTOVER_ID}', {'volume': row})
        self.assertIn('its status is in-use', self.verify())
        self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_running_restore_is_named(self) -> None:
        self.leave(status='creating')
        self.assertRegex(self.verify(), f'has not ended.*openstack volume delete {LEFTOVER_ID}\n')
        self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_restore_that_ends_during_the_run_is_deleted_a_minute_later(self) -> None:
        self.leave(status='creating')
        changed = {'status': 'available', 'updated_at': '2026-12-01T03:00:01.000000'}
        self.cloud.after(1, lambda: self.cloud.volumes[LEFTOVER_ID].update(changed))
        self.assert_silent()
        self.assertEqual(self.cloud.deleted[-1], LEFTOVER_ID)
        self.assertGreater(self.clock.passed, 60)

    def test_volume_of_another_run_is_left_to_that_run(self) -> None:
        self.leave(updated_at='2026-12-01T03:00:00.000000')
        self.cloud.after(20, lambda: self.cloud.volumes.pop(LEFTOVER_ID))
        self.assert_silent()
        self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_time_limit_does_not_delete_early(self) -> None:
        self.leave(updated_at='2026-12-01T03:00:00.000000')
        result = self.openstack(f'{VERIFY} {self.backup} --timeout 30s')
        self.assertEqual(result.status, 0, result)
        self.assertIn('data', result.stdout)
        self.assertNotIn(LEFTOVER_ID, self.cloud.deleted)

    def test_refused_list_does_not_stop_the_run(self) -> None:
        self.cloud.refuse('GET /volumes/detail', 403, 'Policy does not allow it.')
        self.assertIn('earlier runs left behind were not deleted', self.verify())
