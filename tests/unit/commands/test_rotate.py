# SPDX-License-Identifier: Apache-2.0
import io
import json
import signal
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from backupext import local
from tests.unit.flight import Hang, ctrl_c_works
from tests.unit.rotating import NIGHT, RotatingTest
from tests.unit.shell import Result, Terminal
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

ROTATE = 'volume backup rotate'
EVERYTHING = f'-q {ROTATE} --all-volumes'
THREE_LISTS = ['GET /volumes/detail', 'GET /backups/detail', 'GET /limits']


class RotateTest(RotatingTest):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name)

    def openstack(
        self,
        arguments: str | list[str],
        *,
        stdin: io.StringIO | None = None,
        stderr: io.StringIO | None = None,
    ) -> Result:
        """Run a command whose locks are in a folder of the test."""
        lock_folder = mock.patch.object(local, '_lock_folder', return_value=self.state)
        with lock_folder:
            return super().openstack(arguments, stdin=stdin, stderr=stderr)

    def rotate(self, options: str = '--all-volumes', status: int = 0) -> dict[str, dict[str, Any]]:
        """Run a rotation; return its rows by volume."""
        result = self.openstack(f'-q {ROTATE} {options} -f json')
        self.assertEqual(result.status, status, result.stderr)
        self.stderr = result.stderr
        return {row['Volume']: row for row in json.loads(result.stdout)}

    def foresee(self, options: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a dry run by volume."""
        result = self.openstack(f'-q {ROTATE} {options} --dry-run -f json')
        self.assertEqual(result.status, 0, result.stderr)
        return {row['Volume']: row for row in json.loads(result.stdout)}

    def next_night(self) -> None:
        """Let a day pass."""
        self.cloud.night += timedelta(days=1)


class FirstNightTest(RotateTest):
    def test_every_volume_gets_a_full_backup(self) -> None:
        volumes = [self.cloud.hold(number) for number in range(3)]
        rows = self.rotate()
        self.assertEqual(list(rows), volumes)
        for row in rows.values():
            self.assertEqual((row['Result'], row['Kind'], row['Deleted']), ('created', 'full', 0))
        self.assertEqual([row['status'] for row in self.cloud.of(volumes[0])], ['available'])

    def test_requests_are_three_lists_creates_and_polls(self) -> None:
        for number in range(8):
            self.cloud.hold(number)
        self.rotate()
        lines = self.cloud.lines
        self.assertEqual(lines[:3], THREE_LISTS)
        self.assertEqual(lines.count('POST /backups'), 8)
        self.assertEqual(set(lines[3:]), {'POST /backups', 'GET /backups/detail?limit=100'})
        self.assertLessEqual(
            lines[3:].count('GET /backups/detail?limit=100'), len(self.clock.sleeps)
        )

    def test_labels_are_part_of_the_request(self) -> None:
        server = '44444444-aaaa-4bbb-8ccc-000000000001'
        attached = [{'server_id': server, 'device': '/dev/vdb'}]
        self.cloud.hold(1, attachments=attached, volume_type='ssd', bootable='false')
        self.rotate(f'--server {server} --label gold --property tier=1 --description nightly')
        (sent,) = self.cloud.created
        run = sent['metadata'].pop('backupext:run')
        self.assertTrue(run.startswith('20261020T0200'), run)
        self.assertEqual(sent['description'], 'nightly')
        self.assertEqual(
            sent['metadata'],
            {
                'tier': '1',
                'backupext:rotation': 'gold',
                'backupext:volume-name': 'v1',
                'backupext:volume-type': 'ssd',
                'backupext:availability-zone': 'nova',
                'backupext:bootable': 'false',
                'backupext:server': server,
                'backupext:device': '/dev/vdb',
            },
        )

    def test_all_backups_of_a_run_have_the_same_run(self) -> None:
        for number in range(3):
            self.cloud.hold(number)
        self.rotate()
        self.assertEqual(len({sent['metadata']['backupext:run'] for sent in self.cloud.created}), 1)

    def test_summary_is_the_last_line_on_stderr(self) -> None:
        self.cloud.hold(1)
        result = self.openstack(f'{ROTATE} --all-volumes -f value -c Result')
        self.assertEqual(result.stdout, 'created\n')
        self.assertTrue(
            result.stderr.endswith('\n1 of 1 volume backed up (1 full); 0 backups deleted.\n')
        )

    def test_people_see_names(self) -> None:
        self.cloud.hold(1, name='mail')
        result = self.openstack(
            f'{EVERYTHING} --name-format nightly-{{volume}} -c Volume -c Backup'
        )
        self.assertIn('| mail   | nightly-mail |', result.stdout)


class LaterNightTest(RotateTest):
    def test_next_night_is_incremental(self) -> None:
        volume = self.cloud.hold(1)
        self.rotate()
        self.next_night()
        rows = self.rotate()
        self.assertEqual(rows[volume]['Kind'], 'incremental')
        first, second = self.cloud.of(volume)
        self.assertEqual(self.cloud.parent_of(second['id']), first['id'])
        self.assertEqual(second['metadata']['backupext:parent'], first['id'])
        self.assertNotIn('backupext:parent', first['metadata'])

    def test_volume_is_pruned_when_its_backup_is_available(self) -> None:
        volume = self.cloud.hold(1)
        for _ in range(2):
            self.rotate('--all-volumes --max-chain 1')
            self.next_night()
        rows = self.rotate('--all-volumes --max-chain 1 --keep-last 2 --auto-approve')
        self.assertEqual(rows[volume]['Deleted'], 1)
        self.assertEqual(len(self.cloud.left), 2)
        created = self.cloud.lines.index('POST /backups')
        self.assertGreater(self.cloud.lines.index(f'DELETE /backups/{self.cloud.gone[0]}'), created)

    def test_chain_is_deleted_leaves_first(self) -> None:
        volume = self.cloud.hold(1)
        for _ in range(3):
            self.rotate('--all-volumes')
            self.next_night()
        chain = [row['id'] for row in self.cloud.of(volume)]
        self.rotate('--all-volumes --max-chain 1 --keep-last 1 --auto-approve')
        self.assertEqual(self.cloud.gone, chain[::-1])
        self.assertEqual(self.cloud.refused, [])

    def test_incremental_night_deletes_older_chains(self) -> None:
        volumes = [self.cloud.hold(number) for number in range(6)]
        options = '--all-volumes --full-on monday --max-chain 2 --keep-last 2 --auto-approve'
        for _ in range(3):
            self.rotate(options)
            self.next_night()
        planned = self.foresee(options)
        rows = self.rotate(options)
        for volume in volumes:
            self.assertEqual((rows[volume]['Kind'], rows[volume]['Deleted']), ('incremental', 2))
            self.assertEqual(planned[volume]['Delete'], 2)
            self.assertEqual(len(self.cloud.of(volume)), 2)

    def test_parent_that_is_counted_late_is_looked_for_again(self) -> None:
        volume = self.cloud.hold(1)
        options = '--all-volumes --full-on monday --max-chain 2 --keep-last 2 --auto-approve'
        for _ in range(3):
            self.rotate(options)
            self.next_night()
        parent = self.cloud.of(volume)[-1]['id']
        self.cloud.counts_late = 0.5
        rows = self.rotate(options)
        self.assertEqual(self.cloud.parent_of(rows[volume]['Backup']), parent)
        self.assertEqual(rows[volume]['Deleted'], 2)

    def test_other_backups_are_kept(self) -> None:
        volume = self.cloud.hold(1)
        by_hand = self.cloud.keep(1, volume_id=volume)
        other = self.cloud.keep(2, volume_id=volume, metadata={'backupext:rotation': 'weekly'})
        self.rotate('--all-volumes --max-chain 1 --keep-last 1 --auto-approve')
        self.assertLessEqual({by_hand, other}, self.cloud.left)

    def test_without_retention_rules_nothing_is_deleted(self) -> None:
        self.cloud.hold(1)
        for _ in range(3):
            self.rotate('--all-volumes --max-chain 1')
            self.next_night()
        self.assertEqual(self.cloud.deletions, [])

    def test_recent_backup_is_enough(self) -> None:
        volume = self.cloud.hold(1)
        self.rotate()
        rows = self.rotate('--all-volumes --skip-newer-than 20h')
        self.assertEqual(rows[volume]['Result'], 'recent')
        self.assertEqual(len(self.cloud.of(volume)), 1)

    def test_failed_deletion_is_reported_and_ends_with_4(self) -> None:
        volume = self.cloud.hold(1)
        self.rotate('--all-volumes --max-chain 1')
        (old,) = self.cloud.of(volume)
        self.next_night()
        self.cloud.refuse(f'DELETE /backups/{old["id"]}', 400, 'Invalid backup: locked.')
        rows = self.rotate('--all-volumes --max-chain 1 --keep-last 1 --auto-approve', 4)
        self.assertEqual((rows[volume]['Result'], rows[volume]['Deleted']), ('created', 0))
        self.assertIn('locked', rows[volume]['Error'])
        self.assertIn('locked', self.stderr)


class FailureTest(RotateTest):
    def test_failed_volume_is_not_pruned(self) -> None:
        volume = self.cloud.hold(1)
        self.rotate('--all-volumes --max-chain 1')
        self.next_night()
        self.cloud.failing.add(volume)
        rows = self.rotate('--all-volumes --max-chain 1 --keep-last 1 --auto-approve', 1)
        self.assertEqual(rows[volume]['Result'], 'failed')
        self.assertIn('disk full', rows[volume]['Error'])
        self.assertEqual(self.cloud.deletions, [])

    def test_other_volumes_are_backed_up(self) -> None:
        bad, good = self.cloud.hold(1), self.cloud.hold(2)
        self.cloud.failing.add(bad)
        rows = self.rotate(status=4)
        self.assertEqual((rows[bad]['Result'], rows[good]['Result']), ('failed', 'created'))

    def test_next_night_heals(self) -> None:
        volume = self.cloud.hold(1)
        self.rotate()
        self.next_night()
        self.cloud.failing.add(volume)
        self.rotate(status=1)
        self.cloud.failing.clear()
        self.next_night()
        rows = self.rotate('--all-volumes --keep-last 5 --auto-approve')
        self.assertEqual((rows[volume]['Result'], rows[volume]['Kind']), ('created', 'full'))
        statuses = [row['status'] for row in self.cloud.of(volume)]
        self.assertEqual(statuses, ['available', 'available'])

    def test_in_use_volume_needs_force(self) -> None:
        volume = self.cloud.hold(1, status='in-use')
        rows = self.rotate(status=1)
        self.assertEqual(rows[volume]['Result'], 'failed')
        self.assertIn('--force', rows[volume]['Error'])
        self.assertEqual(self.cloud.created, [])
        rows = self.rotate('--all-volumes --force')
        self.assertEqual(rows[volume]['Result'], 'created')
        self.assertTrue(self.cloud.created[0]['force'])

    def test_unknown_volume_fails_by_itself(self) -> None:
        volume = self.cloud.hold(1, name='mail')
        rows = self.rotate('mail nothing', 4)
        self.assertEqual(rows[volume]['Result'], 'created')
        self.assertEqual(rows['nothing']['Error'], "No volume has the name or ID 'nothing'.")

    def test_volume_that_vanishes_is_gone(self) -> None:
        first, second = self.cloud.hold(1), self.cloud.hold(2)
        self.clock.during = lambda: self.cloud.drop(second) if len(self.clock.sleeps) == 1 else None
        rows = self.rotate('--all-volumes --concurrency 1')
        self.assertEqual((rows[first]['Result'], rows[second]['Result']), ('created', 'gone'))
        self.assertIn(f'GET /volumes/{second}', self.cloud.lines)

    def test_nothing_selected_is_an_error(self) -> None:
        self.assert_fails(f'{ROTATE} --all-volumes', 'No volume is selected.')
        self.assert_fails(f'{ROTATE} --volume-property tier=gold', 'No volume is selected.')

    def test_quota_stops_the_large_ones_only(self) -> None:
        volumes = [self.cloud.hold(number) for number in range(3)]
        self.cloud.quota = 2
        rows = self.rotate(status=4)
        results = [rows[volume]['Result'] for volume in volumes]
        self.assertEqual(results, ['created', 'created', 'quota'])
        self.assertEqual(len(self.cloud.created), 2)

    def test_quota_that_runs_out_is_not_retried(self) -> None:
        volumes = [self.cloud.hold(number) for number in range(2)]
        self.clock.during = lambda: setattr(self.cloud, 'quota', 1)
        rows = self.rotate('--all-volumes --concurrency 1', 4)
        results = [rows[volume]['Result'] for volume in volumes]
        self.assertEqual(results, ['created', 'quota'])
        self.assertEqual(len(self.cloud.created), 2)

    def test_foreign_backup_in_progress_is_busy_until_the_end(self) -> None:
        volume = self.cloud.hold(1, status='backing-up')
        other = self.cloud.keep(1, volume_id=volume, status='creating')
        self.cloud.hold(2)
        self.cloud.after(2, lambda: self.cloud.change(other, status='available'))
        self.cloud.after(2, lambda: self.cloud.change_volume(volume, status='available'))
        rows = self.rotate()
        self.assertEqual(rows[volume]['Result'], 'created')

    def test_volume_that_stays_busy_is_named(self) -> None:
        volume = self.cloud.hold(1, status='backing-up')
        self.cloud.keep(1, volume_id=volume, status='creating')
        rows = self.rotate(status=1)
        self.assertEqual(rows[volume]['Result'], 'busy')


class OtherRunTest(RotateTest):
    def test_own_backup_in_progress_is_adopted(self) -> None:
        volume = self.cloud.hold(1, status='backing-up')
        label = {'backupext:rotation': 'rotation'}
        running = self.cloud.keep(1, volume_id=volume, status='creating', metadata=label)
        self.cloud.after(3, lambda: self.cloud.change(running, status='available'))
        rows = self.rotate()
        self.assertEqual((rows[volume]['Result'], rows[volume]['Backup']), ('adopted', running))
        self.assertEqual(self.cloud.created, [])

    def test_another_machines_backup_is_adopted(self) -> None:
        first, second = self.cloud.hold(1), self.cloud.hold(2)
        label = {'backupext:rotation': 'rotation', 'backupext:run': 'another'}
        made: list[str] = []

        def rival() -> None:
            if len(self.clock.sleeps) == 1:
                time = self.cloud.now().replace(tzinfo=None).isoformat()
                times = {'created_at': time, 'data_timestamp': time}
                made.append(self.cloud.keep(9, volume_id=second, metadata=label, **times))

        self.clock.during = rival
        rows = self.rotate('--all-volumes --concurrency 1')
        self.assertEqual(rows[first]['Result'], 'created')
        self.assertEqual((rows[second]['Result'], rows[second]['Backup']), ('adopted', made[0]))

    def test_another_machines_backup_is_adopted_if_it_makes_the_own_one_fail(self) -> None:
        volume = self.cloud.hold(1)
        self.cloud.failing.add(volume)
        label = {'backupext:rotation': 'rotation', 'backupext:run': 'another'}
        made: list[str] = []

        def rival() -> None:
            if not made:
                time = self.cloud.now().replace(tzinfo=None).isoformat()
                times = {'created_at': time, 'data_timestamp': time}
                made.append(self.cloud.keep(9, volume_id=volume, metadata=label, **times))

        self.clock.during = rival
        rows = self.rotate()
        self.assertEqual((rows[volume]['Result'], rows[volume]['Backup']), ('adopted', made[0]))

    def test_second_run_on_this_machine_ends_with_5(self) -> None:
        self.cloud.hold(1)
        with (
            mock.patch.object(local, '_lock_folder', return_value=self.state),
            mock.patch('backupext.local.lock', side_effect=local.BusyError('Another run.')),
        ):
            result = super().openstack(f'{ROTATE} --all-volumes')
        self.assertEqual((result.status, result.stderr), (5, 'Another run.\n'))
        self.assertEqual(self.cloud.created, [])

    def test_locks_differ_by_label_and_shard(self) -> None:
        self.cloud.hold(1)
        self.rotate()
        self.rotate('--all-volumes --label gold')
        self.rotate('--all-volumes --shard 1/2')
        self.rotate('--all-volumes --shard 1/2')
        self.assertEqual(len(list(self.state.iterdir())), 3)


class TimeTest(RotateTest):
    def test_nothing_starts_late(self) -> None:
        first, second = self.cloud.hold(1), self.cloud.hold(2)
        rows = self.rotate('--all-volumes --concurrency 1 --start-within 3s', 4)
        self.assertEqual((rows[first]['Result'], rows[second]['Result']), ('created', 'deferred'))
        self.assertEqual(len(self.cloud.created), 1)

    def test_timed_out_backup_is_left_alone(self) -> None:
        volume = self.cloud.hold(1)
        rows = self.rotate('--all-volumes --timeout 2s', 3)
        self.assertEqual(rows[volume]['Result'], 'timed out')
        self.assertIn('Timed out after 2s', self.stderr)
        self.assertEqual(self.cloud.deletions, [])

    def test_interrupt_names_what_still_runs(self) -> None:
        first, second = self.cloud.hold(1), self.cloud.hold(2)
        self.clock.interrupt_at(1)
        rows = self.rotate('--all-volumes --concurrency 1', 130)
        results = (rows[first]['Result'], rows[second]['Result'])
        self.assertEqual(results, ('interrupted', 'deferred'))
        self.assertIn('openstack volume backup show', self.stderr)

    def test_sigterm_is_an_interrupt_with_its_own_exit_status(self) -> None:
        volume = self.cloud.hold(1)
        self.clock.during = lambda: signal.raise_signal(signal.SIGTERM)
        rows = self.rotate('--all-volumes', 143)
        self.assertEqual(rows[volume]['Result'], 'interrupted')
        self.assertIn('openstack volume backup show', self.stderr)

    def test_interrupt_names_backups_whose_requests_hang(self) -> None:
        volumes = [self.cloud.hold(number) for number in range(3)]
        self.at_once = 2
        hang = Hang(2)
        self.addCleanup(hang.end)
        self.cloud.before_answer = lambda line: hang.join() if line == 'POST /backups' else None
        with ctrl_c_works():
            rows = self.rotate('--all-volumes --concurrency 2', 130)
        results = [rows[volume]['Result'] for volume in volumes]
        self.assertEqual(results, ['interrupted', 'interrupted', 'deferred'])
        self.assertIn("working on volume 'v0'", self.stderr)


class ConsentTest(RotateTest):
    RULE = f'{ROTATE} --all-volumes --max-chain 1 --keep-last 1'

    def test_deletion_without_a_terminal_needs_approval_first(self) -> None:
        self.cloud.hold(1)
        self.assert_fails(
            self.RULE,
            'Nothing was backed up or deleted: there is no terminal to ask on. Use --auto-approve '
            'to skip the question.',
        )
        self.assert_asked()

    def test_no_means_that_nothing_starts(self) -> None:
        self.cloud.hold(1)
        result = self.openstack(self.RULE, stdin=Terminal('n\n'))
        self.assertEqual(result.status, 1)
        self.assertTrue(result.stderr.endswith('Nothing was backed up or deleted.\n'))
        self.assertIn('1 volume will be backed up', result.stderr)
        self.assertEqual(self.cloud.created, [])

    def test_yes_starts(self) -> None:
        self.cloud.hold(1)
        result = self.openstack(self.RULE, stdin=Terminal('y\n'))
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(len(self.cloud.created), 1)


class DryRunTest(RotateTest):
    def test_it_changes_nothing(self) -> None:
        volume = self.cloud.hold(1, name='mail')
        self.rotate('--all-volumes --max-chain 1')
        asked = len(self.cloud.asked)
        self.next_night()
        rows = self.rotate('--all-volumes --max-chain 1 --keep-last 1 --dry-run')
        self.assertEqual(self.cloud.lines[asked:], THREE_LISTS)
        row = rows[volume]
        self.assertEqual((row['Action'], row['Kind'], row['Delete']), ('back up', 'full', 1))
        self.assertTrue(row['Backup'].startswith('mail-2026-10-21'), row['Backup'])

    def test_it_says_what_the_policy_needs(self) -> None:
        self.cloud.hold(1)
        self.cloud.quota = 3
        result = self.openstack(f'{ROTATE} --all-volumes --keep-last 7 --dry-run')
        self.assertEqual(result.status, 0)
        self.assertIn('the quota allows 3 backups', result.stderr)


class ScopeTest(RotateTest):
    def test_members_cannot_rotate_all_projects(self) -> None:
        self.cloud.hold(1)
        self.assert_fails(
            f'{EVERYTHING} --all-projects',
            'Only an administrator can list the volumes of all projects.',
        )

    def test_backup_of_another_project_names_it(self) -> None:
        self.use_rotating(roles=('admin',))
        self.cloud.hold(1, **{'os-vol-tenant-attr:tenant_id': OTHER_PROJECT})
        self.rotate('--all-volumes --all-projects')
        self.assertEqual(self.cloud.created[0]['metadata']['backupext:project'], OTHER_PROJECT)

    def test_own_backup_does_not(self) -> None:
        self.cloud.hold(1, **{'os-vol-tenant-attr:tenant_id': OWN_PROJECT})
        self.rotate()
        self.assertNotIn('backupext:project', self.cloud.created[0]['metadata'])

    def test_shards_are_disjoint_and_complete(self) -> None:
        volumes = {self.cloud.hold(number) for number in range(20)}
        parts = [self.rotate(f'--all-volumes --shard {index}/3') for index in (1, 2, 3)]
        self.assertEqual(sum(map(len, parts)), 20)
        self.assertEqual({volume for part in parts for volume in part}, volumes)

    def test_backups_of_deleted_volumes_are_named_and_kept(self) -> None:
        self.cloud.hold(1)
        gone = '22222222-aaaa-4bbb-8ccc-000000000099'
        self.cloud.keep(1, volume_id=gone, metadata={'backupext:rotation': 'rotation'})
        result = self.openstack(f'{ROTATE} --all-volumes --keep-last 1 --auto-approve')
        self.assertIn(f'not in the list of volumes any more, and are kept: {gone}', result.stderr)
        self.assertEqual(self.cloud.deletions, [])


class UsageTest(RotateTest):
    def test_nothing_given_is_a_usage_error(self) -> None:
        self.assert_fails(
            ROTATE,
            'No volume given: name at least one, or use --server, --volume-property or '
            '--all-volumes.',
            2,
        )

    def test_options_of_pruning_require_a_rule(self) -> None:
        for option in ('--delete-failed 1d', '--allow-empty', '--protect-property hold'):
            name = option.split()[0]
            self.assert_fails(
                f'{ROTATE} --all-volumes {option}',
                f'{name} requires a retention rule, such as --keep-last.',
                2,
            )

    def test_properties_of_the_rotation_are_reserved(self) -> None:
        self.assert_fails(
            f'{ROTATE} --all-volumes --property backupext:run=mine',
            "Property 'backupext:run' is set by the rotation itself.",
            2,
        )

    def test_absurd_values_are_usage_errors(self) -> None:
        for option, complaint in (
            ('--shard 5/4', "argument --shard: '5/4' is not a shard: use 1/4 to 4/4"),
            ('--shard 0/4', "argument --shard: '0/4' is not a shard: use 1/4 to 4/4"),
            (
                '--shard four',
                "argument --shard: 'four' is not a shard: use <number>/<count>, such as 1/4",
            ),
            (
                '--full-on noday',
                "argument --full-on: 'noday' is not a day of the week: use one such as sunday",
            ),
            ('--max-chain 0', 'argument --max-chain: must be 1 or greater'),
            ('--concurrency -1', 'argument --concurrency: must be 1 or greater'),
            ("--label ''", 'argument --label: must have 1 to 255 characters'),
        ):
            with self.subTest(option):
                self.assert_misused(f'{ROTATE} --all-volumes {option}', complaint)

    def test_old_cloud_is_refused_before_anything_changes(self) -> None:
        self.use_rotating(maximum='3.42')
        self.cloud.hold(1)
        result = self.openstack(f'{ROTATE} --all-volumes')
        self.assertEqual(result.status, 1)
        self.assertIn('rotate requires Block Storage 3.43 to label backups', result.stderr)
        self.assertEqual(self.cloud.created, [])


class NightTest(RotateTest):
    def test_night_is_the_clouds(self) -> None:
        self.cloud.hold(1)
        self.rotate('--all-volumes --name-format {date}')
        self.assertEqual(self.cloud.created[0]['name'], f'{NIGHT:%Y-%m-%d}')
