# SPDX-License-Identifier: Apache-2.0
"""``check`` finds what is wrong in a real cloud, each finding produced for real."""

import json
import tempfile
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.functional import api
from tests.functional.api import Account
from tests.functional.base import FunctionalTest, make_project
from tests.functional.client import Result
from tests.functional.faults import ProxyTest

NO_LIMIT = {'backups': -1, 'backup_gigabytes': -1}
NOBODY = '99999999-aaaa-4bbb-8ccc-000000000001'
LABEL = 'backupext:rotation'


class CheckingTest(FunctionalTest):
    """A project of its own for each test, with one volume."""

    def setUp(self) -> None:
        super().setUp()
        self.project = make_project(self.box)
        self.volume = self.make_volume()

    def check(
        self, options: str = '--all-volumes', environment: dict[str, str] | None = None
    ) -> Result:
        """Check with a limit of a day; nothing may be on stderr."""
        result = self.run_openstack(f'volume backup check --max-age 1d {options}', environment)
        self.assertEqual(result.stderr, '')
        return result

    def found(self, options: str = '--all-volumes', **expected: int) -> list[str]:
        """Expect findings, by kind, and their exit status; return the lines of the findings."""
        result = self.check(options)
        first, *lines = result.stdout.splitlines()
        summary, _, numbers = first.partition(' | ')
        counts = dict(each.split('=') for each in numbers.split())
        found = {
            kind: int(number.partition(';')[0])
            for kind, number in counts.items()
            if kind not in {'volumes', 'new', 'oldest'} and not number.startswith('0')
        }
        self.assertEqual(found, expected, result.stdout)
        word = summary.removeprefix('BACKUP ').partition(':')[0]
        self.assertEqual(['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'].index(word), result.status)
        self.assertEqual(len(lines), sum(expected.values()))
        return lines

    def age(self, table: str, id_: str, span: str) -> None:
        """Move the times of a row, by something such as ``-2 hours``."""
        columns = ['created_at', 'updated_at']
        columns += ['data_timestamp'] if table == 'backups' else []
        moved = [f"{c} = strftime('%Y-%m-%d %H:%M:%f000', {c}, '{span}')" for c in columns]
        self.sql(f'UPDATE {table} SET {", ".join(moved)} WHERE id = ?', id_)

    def reset(self, backup: str, status: str) -> None:
        """Let an administrator set a backup's status, and wait until Cinder has set it."""
        self.project.admin.block_storage(
            'POST', f'/backups/{backup}/action', {'os-reset_status': {'status': status}}
        )
        self.wait_for('backup', backup, status)


class FindingTest(CheckingTest):
    def test_recent_backup_is_ok(self) -> None:
        self.make_backup(self.volume)
        self.make_backup(self.volume, incremental=True)
        self.assertEqual(self.found('--all-volumes --warn-age 12h --max-chain 2 --quota'), [])

    def test_new_volume_is_ok(self) -> None:
        self.found()

    def test_volume_without_backups_is_late(self) -> None:
        self.age('volumes', self.volume, '-2 days')
        (line,) = self.found(late=1)
        self.assertRegex(line, r"^CRITICAL: Volume '\S+' \(\S+\) has no restorable backup\. ")

    def test_old_backup_is_late(self) -> None:
        backup = self.make_backup(self.volume)
        self.age('backups', backup, '-74 hours')
        (line,) = self.found(late=1)
        # The cloud sends its time in whole seconds.
        self.assertRegex(line, f'the newest is 3d[12]h old, {backup}')

    def test_old_backup_is_reported_before_it_is_late(self) -> None:
        self.age('backups', self.make_backup(self.volume), '-20 hours')
        self.found('--all-volumes --warn-age 12h', aging=1)
        self.found()

    def test_failed_backup_is_reported_with_its_reason(self) -> None:
        self.make_backup(self.volume)
        self.box.faults.fail_next('create', self.volume, 'no space left')
        failed = self.make_failed_backup(self.volume)
        (line,) = self.found(failed=1)
        self.assertIn(f'has backup {failed} in status error: ', line)
        self.assertIn('no space left', line)
        self.make_backup(self.volume)
        self.found()

    def test_failed_deletion_is_reported(self) -> None:
        self.make_backup(self.volume)
        last = self.make_backup(self.volume)
        self.box.faults.fail_next('delete', last, 'permission denied')
        self.project.member.block_storage('DELETE', f'/backups/{last}')
        self.wait_for('backup', last, 'error')
        (line,) = self.found(failed=1)
        self.assertIn('permission denied', line)

    def test_stuck_backup_is_reported(self) -> None:
        self.make_backup(self.volume)
        with self.box.faults.hold('create', self.volume):
            running = self.begin_backup(self.volume)
            self.wait_for('volume', self.volume, 'backing-up')
            self.found('--all-volumes --max-running 6h')
            self.age('backups', running, '-450 minutes')
            (line,) = self.found('--all-volumes --max-running 6h', slow=1)
            self.assertIn(f'has backup {running} in status creating for 7h', line)
        self.wait_for('backup', running)

    def test_volume_that_is_left_backing_up_is_reported(self) -> None:
        self.make_backup(self.volume)
        with self.box.faults.hold('create', self.volume):
            running = self.begin_backup(self.volume)
            self.wait_for('volume', self.volume, 'backing-up')
            # Until the backup service has begun, Cinder ignores the request.
            self.wait_until(lambda: self.count_begun(running), 1)
            self.reset(running, 'error')
            # What has just ended explains the status of its volume.
            self.found(failed=1)
            self.age_all('-2 minutes')
            lines = self.found(stuck=1, failed=1)
        self.assertIn('is in status backing-up, but no backup of it is in progress', lines[0])

    def count_begun(self, backup: str) -> int:
        return len(self.sql('SELECT id FROM backups WHERE id = ? AND service IS NOT NULL', backup))

    def age_all(self, span: str) -> None:
        """Move the times of all backups of the volume."""
        for (backup,) in self.sql('SELECT id FROM backups WHERE volume_id = ?', self.volume):
            self.age('backups', backup, span)

    def test_snapshot_that_is_left_backing_up_is_reported(self) -> None:
        self.make_backup(self.volume)
        snapshot = self.make_snapshot(self.volume)
        with self.box.faults.hold('create', self.volume):
            running = self.begin_backup(self.volume, snapshot_id=snapshot)
            self.wait_for('snapshot', snapshot, 'backing-up')
            self.found()
            self.reset(running, 'error')
            self.age_all('-2 minutes')
            lines = self.found(stuck=1, failed=1)
        self.assertIn("Snapshot 'snapshot-", lines[0])

    def test_chain_whose_parent_was_deleted_by_another_project_is_reported(self) -> None:
        full = self.make_backup(self.volume)
        child = self.make_backup(self.volume, incremental=True)
        # Cinder protects a parent only within the project of the request.
        self.remove_backup(full, Account(self.box, 'admin', 'admin'))
        self.age('volumes', self.volume, '-2 days')
        lines = self.found(late=1, unrestorable=1)
        self.assertIn(f'cannot be restored from its newest backup, {child}', lines[1])

    def test_long_chain_is_reported(self) -> None:
        self.make_backup(self.volume)
        for _ in range(2):
            self.make_backup(self.volume, incremental=True)
        self.found('--all-volumes --max-chain 3')
        (line,) = self.found('--all-volumes --max-chain 2', chain=1)
        self.assertIn('has a chain of 3 backups', line)

    def test_quota_that_the_next_round_exceeds_is_reported(self) -> None:
        other = self.make_volume()
        for volume in (self.volume, other):
            self.make_backup(volume)
        self.limit_quota(backups=4, backup_gigabytes=4)
        self.found('--all-volumes --quota')
        self.limit_quota(backups=3, backup_gigabytes=3)
        (line,) = self.found('--all-volumes --quota', quota=1)
        self.assertIn('2 backups needed, 1 of 3 left and 2 GiB needed, 1 of 3 left', line)

    def limit_quota(self, **limits: int) -> None:
        admin = Account(self.box, 'admin', 'admin')
        path = f'/os-quota-sets/{self.project.id}'
        admin.block_storage('PUT', path, {'quota_set': limits})

    def test_backup_in_the_future_is_reported(self) -> None:
        self.age('backups', self.make_backup(self.volume), '+2 days')
        (line,) = self.found(future=1)
        self.assertIn('which is in the future', line)

    def test_leaked_temporary_copies_are_reported(self) -> None:
        # The sandbox's driver needs no copies: these look as those that other drivers leave.
        backup = self.make_backup(self.volume)
        copy = self.make_volume(f'backup-vol-{NOBODY}', source_volid=self.volume)
        self.sql('UPDATE volumes SET use_quota = 0 WHERE id = ?', copy)
        snapshot = self.make_snapshot(self.volume)
        name = f'backup-snap-{backup}'
        self.sql('UPDATE snapshots SET display_name = ? WHERE id = ?', name, snapshot)
        self.age('backups', backup, '-2 minutes')
        lines = self.found(leftover=2)
        self.assertIn(f'({copy}) is left over: its backup does not exist', lines[0])
        self.assertIn(f'({snapshot}) is left over: its backup is in status available', lines[1])
        # Which volume it is a copy of is not known.
        self.found(self.volume, leftover=1)

    def test_copies_of_a_running_backup_are_ok(self) -> None:
        self.make_backup(self.volume)
        with self.box.faults.hold('create', self.volume):
            running = self.begin_backup(self.volume)
            self.make_volume(f'backup-vol-{running}')
            self.found()
        self.wait_for('backup', running)

    def test_volume_that_does_not_exist_is_reported(self) -> None:
        self.make_backup(self.volume)
        (line,) = self.found(f'{self.volume} {NOBODY}', missing=1)
        self.assertIn(f"UNKNOWN: No volume has the name or ID '{NOBODY}'.", line)

    def test_restore_is_not_reported(self) -> None:
        full = self.make_backup(self.volume)
        self.make_backup(self.volume, incremental=True)
        target = self.make_volume()
        self.make_backup(target)
        with self.box.faults.hold('restore', full):
            self.begin_restore(full, target)
            self.wait_for('backup', full, 'restoring')
            self.found()
        self.wait_for('backup', full)


class CountedTest(CheckingTest):
    def test_only_backups_of_the_label_count(self) -> None:
        self.age('volumes', self.volume, '-2 days')
        self.make_backup(self.volume, metadata={LABEL: 'nightly', 'tier': 'gold'})
        self.found('--all-volumes --label nightly')
        self.found('--all-volumes --property tier=gold')
        self.found('--all-volumes --label weekly', late=1)

    def test_backup_of_another_project_counts_for_administrators(self) -> None:
        self.age('volumes', self.volume, '-2 days')
        self.make_backup(self.volume, Account(self.box, 'admin', 'admin'))
        self.found(late=1)
        options = f'{self.volume} --all-projects'
        result = self.check(options, self.admin)
        self.assertEqual(result.status, 0, result.stdout)

    def test_member_cannot_check_all_projects(self) -> None:
        result = self.check('--all-volumes --all-projects')
        self.assertEqual(
            (result.status, result.stdout),
            (
                3,
                'BACKUP UNKNOWN: Only an administrator can list the volumes of all projects.\n',
            ),
        )


class ReaderTest(CheckingTest):
    def test_reader_can_check(self) -> None:
        self.make_backup(self.volume)
        reader = api.make_reader(self.box, self.project.id, self.project.name)
        result = self.check('--all-volumes --quota --label nightly', reader.environment)
        self.assertEqual(result.status, 0, result.stdout)
        options = '--all-volumes --quota -f json'
        (row,) = json.loads(self.check(options, reader.environment).stdout)
        self.assertEqual((row['ID'], row['State']), (self.volume, 'ok'))
        self.assertEqual(row['Project'], self.project.id)
        # It really may do nothing else.
        backup = {'backup': {'volume_id': self.volume}}
        self.assertEqual(reader.refusal('POST', '/backups', backup)[0], 403)


class RequestTest(ProxyTest):
    def test_three_requests_check_any_number_of_volumes(self) -> None:
        self.make_backup(self.make_volume())
        for _ in range(2):
            self.make_volume()
            self.proxy.forget()
            self.openstack('volume backup check --all-volumes --max-age 1d')
            self.assertEqual(
                self.proxy.lines(),
                ['GET /volumes/detail', 'GET /backups/detail', 'GET /snapshots/detail'],
            )

    def test_cloud_that_cannot_be_reached_is_unknown(self) -> None:
        self.proxy.down()
        result = self.run_openstack('volume backup check --all-volumes --max-age 1d')
        self.proxy.up()
        self.assertEqual(result.status, 3)
        self.assertRegex(result.stdout, r'\ABACKUP UNKNOWN: Cannot [^\n]+\n\Z')


class MonitoringTest(CheckingTest):
    """What a monitoring system sees if nothing can be checked."""

    def assert_unknown(self, arguments: str, environment: dict[str, str] | None = None) -> str:
        result = self.run_openstack(f'volume backup check {arguments}', environment)
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.stdout, r'\ABACKUP UNKNOWN: [^\n|]+\n\Z')
        self.assertNotIn('Traceback', result.stderr)
        return result.stdout

    def test_wrong_password_is_unknown(self) -> None:
        wrong = {**self.member, 'OS_PASSWORD': 'wrong'}
        self.assertIn('Cannot log in', self.assert_unknown('--all-volumes --max-age 1d', wrong))

    def test_unreachable_identity_is_unknown(self) -> None:
        nowhere = {**self.member, 'OS_AUTH_URL': 'http://127.0.0.1:1/v3'}
        self.assertIn('Cannot log in', self.assert_unknown('--all-volumes --max-age 1d', nowhere))

    def test_no_credentials_are_unknown(self) -> None:
        nobody = {'OS_AUTH_URL': self.box.auth_url}
        self.assertIn('Cannot log in', self.assert_unknown('--all-volumes --max-age 1d', nobody))

    def test_project_without_volumes_is_unknown(self) -> None:
        empty = make_project(self.box).member.environment
        said = self.assert_unknown('--all-volumes --max-age 1d', empty)
        self.assertEqual(said, 'BACKUP UNKNOWN: No volume is selected.\n')

    def test_usage_errors_are_unknown(self) -> None:
        for arguments in ('', '--all-volumes', '--all-volumes --max-age 5', '--max-age 1d -f x'):
            with self.subTest(arguments):
                self.assert_unknown(arguments)

    def test_metrics_file_can_be_parsed(self) -> None:
        self.make_backup(self.volume)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'backup.prom')
            self.check(f'--all-volumes --label nightly --metrics-file {path}')
            families = list(text_string_to_metric_families(path.read_text('utf-8')))
        values: dict[str, Any] = {
            each.name: each.value for family in families for each in family.samples
        }
        self.assertEqual(values['openstack_volume_backup_check_state'], 0)
        self.assertEqual(values['openstack_volume_backup_newest_timestamp_seconds'], 0)
