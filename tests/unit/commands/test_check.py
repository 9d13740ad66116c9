# SPDX-License-Identifier: Apache-2.0
"""``check`` as a monitoring system runs it: everything that fails is UNKNOWN, on stdout."""

import io
import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import requests
import requests_mock
from prometheus_client.parser import text_string_to_metric_families

from backupext.operations import check
from tests.unit.rows import (
    ID,
    OTHER_ID,
    OTHER_VOLUME_ID,
    SNAPSHOT_ID,
    VOLUME_ID,
    backup,
    snapshot,
    volume,
)
from tests.unit.shell import CommandTest, Result, run
from tests.unit.stub import KEYSTONE, OTHER_PROJECT, OWN_PROJECT, StubCloud

CHECK = 'volume backup check'
ALL = f'{CHECK} --all-volumes --max-age 26h'
LISTS = ('GET /volumes/detail', 'GET /backups/detail', 'GET /snapshots/detail')
LABEL = 'backupext:rotation'
NOW = datetime(2026, 11, 2, 1, tzinfo=timezone.utc)
OK_LINE = 'BACKUP OK: 1 volume has a backup in 26h | volumes=1 new=0 late=0;;0 '


class CheckTest(CommandTest):
    def use_cloud(self, **kwargs: object) -> StubCloud:
        cloud = super().use_cloud(**kwargs)
        cloud.date = lambda: NOW
        return cloud

    def show(
        self,
        *backups: dict[str, Any],
        volumes: list[dict[str, Any]] | None = None,
        snapshots: list[dict[str, Any]] | None = None,
        query: str = '',
    ) -> None:
        """Prepare the three lists; by default there is one volume."""
        answers: tuple[list[Any], ...] = (volumes or [volume()], [*backups], snapshots or [])
        for line, rows in zip(LISTS, answers, strict=True):
            key = line.split('/')[1]
            self.cloud.on(f'{line}{query}', {key: rows})

    def assert_line(self, arguments: str, line: str, status: int) -> Result:
        """Expect an exit status, and that the first line of stdout begins like this."""
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stderr), (status, ''))
        self.assertTrue(result.stdout.startswith(line), result.stdout)
        return result

    def assert_unknown(self, arguments: str | list[str], *words: str) -> Result:
        """Expect one line on stdout that has these words, status 3, and no traceback."""
        result = self.openstack(arguments)
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.stdout, r'\ABACKUP UNKNOWN: [^\n|]+\n\Z')
        for each in words:
            self.assertIn(each, result.stdout)
        self.assertNotIn('Traceback', result.stderr + result.stdout)
        return result


class ResultTest(CheckTest):
    def test_good_backups_are_ok(self) -> None:
        self.show(backup())
        result = self.assert_line(ALL, OK_LINE, 0)
        self.assertEqual(result.stdout.count('\n'), 1)

    def test_warning_has_status_1_and_a_line_with_advice(self) -> None:
        failed = backup(
            OTHER_ID, status='error', fail_reason='Full.', created_at='2026-11-01T20:00:00.000000'
        )
        self.show(backup(), failed)
        result = self.assert_line(ALL, 'BACKUP WARNING: 1 failed | volumes=1 ', 1)
        (said,) = result.stdout.splitlines()[1:]
        self.assertEqual(
            said,
            f"WARNING: Volume 'data' ({VOLUME_ID}) has backup 'nightly' ({OTHER_ID}) in status "
            'error: Full. Remove the cause, and then delete the failed backup.',
        )

    def test_late_backup_is_critical(self) -> None:
        self.show(backup())
        line = 'BACKUP CRITICAL: 1 of 1 volume has no backup in 20h (data 23h) | '
        self.assert_line(f'{CHECK} --all-volumes --max-age 20h', line, 2)

    def test_age_is_measured_by_the_clock_of_the_cloud(self) -> None:
        # This machine's clock is months away.
        self.cloud.date = lambda: datetime(2027, 6, 1, tzinfo=timezone.utc)
        self.show(backup())
        self.assert_line(ALL, 'BACKUP CRITICAL: 1 of 1 volume has no backup in 26h (data 211d', 2)

    def test_all_limits_are_checked(self) -> None:
        chain = backup(OTHER_ID, is_incremental=True, created_at='2026-11-01T04:00:00.000000')
        running = backup(
            '11111111-aaaa-4bbb-8ccc-000000000003',
            status='creating',
            created_at='2026-11-01T06:00:00.000000',
            updated_at='2026-11-01T06:00:01.000000',
        )
        self.show(backup(updated_at='2026-11-01T04:00:09.000000'), chain, running)
        limits = {'maxTotalBackups': 3, 'totalBackupsUsed': 3, 'maxTotalBackupGigabytes': -1}
        self.cloud.on('GET /limits', {'limits': {'absolute': limits}})
        options = '--warn-age 10h --max-running 12h --max-chain 1 --quota'
        self.assert_line(
            f'{ALL} {options}',
            'BACKUP WARNING: 1 older than 10h, 1 running for too long, 1 with too long a chain, '
            'the next round exceeds the quota | ',
            1,
        )
        self.assert_asked(*LISTS, 'GET /limits')

    def test_copies_and_snapshots_are_checked(self) -> None:
        copy = volume(OTHER_VOLUME_ID, name=f'backup-vol-{OTHER_ID}')
        stuck = snapshot(SNAPSHOT_ID, status='backing-up', volume_id=VOLUME_ID)
        self.show(backup(), volumes=[volume(), copy], snapshots=[stuck])
        self.assert_line(ALL, 'BACKUP CRITICAL: 1 stuck, 1 left over | volumes=1 ', 2)

    def test_missing_volume_is_unknown(self) -> None:
        self.show(backup(), volumes=[volume(), volume(OTHER_VOLUME_ID, name='other')])
        self.cloud.on('GET /volumes/detail?name=nosuch', {'volumes': []})
        one = f'?volume_id={VOLUME_ID}'
        self.show(backup(), query=one)
        result = self.openstack(f'{CHECK} data nosuch --max-age 26h')
        self.assertEqual(result.status, 3)
        first, second = result.stdout.splitlines()
        self.assertTrue(first.startswith('BACKUP UNKNOWN: 1 not found | volumes=1 '), first)
        self.assertIn("UNKNOWN: No volume has the name or ID 'nosuch'.", second)

    def test_names_cannot_break_the_format(self) -> None:
        self.show(volumes=[volume(name='a|b\x1b[2J\nOK')])
        result = self.openstack(ALL)
        self.assertEqual(result.stdout.count('\n'), 2)
        self.assertEqual(result.stdout.count('|'), 1)
        self.assertIn(r'a\x7cb\x1b[2J\nOK', result.stdout)


class SelectionTest(CheckTest):
    def test_number_of_requests_does_not_depend_on_the_number_of_volumes(self) -> None:
        for count in (2, 300):
            with self.subTest(count):
                self.use_cloud()
                ids = [f'22222222-aaaa-4bbb-8ccc-{number:012}' for number in range(count)]
                backups = [
                    backup(f'11111111-aaaa-4bbb-8ccc-{number:012}', volume_id=id_)
                    for number, id_ in enumerate(ids)
                ]
                self.show(*backups, volumes=[volume(id_) for id_ in ids])
                self.assertEqual(self.openstack(ALL).status, 0)
                self.assert_asked(*LISTS)

    def test_backups_of_one_volume_are_filtered_by_the_cloud(self) -> None:
        one = f'?volume_id={VOLUME_ID}'
        self.cloud.on(LISTS[0], {'volumes': [volume(), volume(OTHER_VOLUME_ID, name='other')]})
        self.show(backup(), query=one)
        self.assert_line(f'{CHECK} data --max-age 26h', OK_LINE, 0)
        self.assert_asked(LISTS[0], *(f'{each}{one}' for each in LISTS[1:]))

    def test_only_selected_volumes_are_checked(self) -> None:
        volumes = [volume(), volume(OTHER_VOLUME_ID, name='other', metadata={'backup': 'no'})]
        self.show(backup(), volumes=volumes)
        self.assert_line(f'{ALL} --exclude-property backup=no', OK_LINE, 0)

    def test_only_backups_with_the_label_or_the_property_count(self) -> None:
        other = backup(OTHER_ID, metadata={LABEL: 'nightly', 'tier': 'gold'}, created_at='')
        for option, status in (
            ('--label nightly', 0),
            ('--label weekly', 2),
            ('--property tier=gold --property tier', 0),
            ('--property tier=silver', 2),
        ):
            with self.subTest(option):
                self.use_cloud()
                self.show(backup(metadata={LABEL: 'monthly'}), other)
                self.assertEqual(self.openstack(f'{ALL} {option}').status, status)

    def test_administrator_checks_all_projects(self) -> None:
        self.use_cloud(roles=('admin',))
        foreign = backup(**{'os-backup-project-attr:project_id': OTHER_PROJECT})
        self.show(foreign, query='?all_tenants=1')
        self.assert_line(f'{ALL} --all-projects', OK_LINE, 0)
        self.assert_asked(*(f'{each}?all_tenants=1' for each in LISTS))

    def test_member_cannot_check_all_projects(self) -> None:
        self.show(backup(), query='?all_tenants=1')
        self.assert_unknown(f'{ALL} --all-projects', 'Only an administrator can list')

    def test_backups_of_all_projects_that_are_not_shown_are_unknown(self) -> None:
        foreign = volume(**{'os-vol-tenant-attr:tenant_id': 'another'})
        self.show(backup(), volumes=[foreign], query='?all_tenants=1')
        self.assert_unknown(f'{ALL} --all-projects', 'Only an administrator can list the backups')

    def test_missing_excluded_volume_is_reported_on_stderr(self) -> None:
        self.show(backup())
        result = self.openstack(f'{ALL} --exclude nosuch')
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stderr, "No volume has the excluded name or ID 'nosuch'.\n")


class FormatTest(CheckTest):
    def show_two(self) -> None:
        other = volume(OTHER_VOLUME_ID, name='ma\x1bil')
        self.show(backup(), volumes=[volume(), other])

    def test_json_has_a_row_for_each_volume(self) -> None:
        self.show_two()
        result = self.openstack(f'{ALL} -f json')
        self.assertEqual((result.status, result.stderr), (2, ''))
        bad, good = json.loads(result.stdout)
        self.assertEqual(
            good,
            {
                'ID': VOLUME_ID,
                'Name': 'data',
                'Project': None,
                'State': 'ok',
                'Findings': [],
                'Newest Backup': ID,
                'Data Timestamp': '2026-11-01T02:00:00.000000',
                'Age': 82800,
                'Restorable': True,
                'Chain': 1,
                'Backups': {'available': 1},
                'Details': [],
            },
        )
        self.assertEqual((bad['Name'], bad['State'], bad['Age']), ('ma\x1bil', 'critical', None))
        self.assertEqual((bad['Findings'], len(bad['Details'])), (['late'], 1))

    def test_table_is_for_people(self) -> None:
        self.show_two()
        result = self.openstack(f'{ALL} -f table -c Name -c Age -c Findings -c Backups')
        self.assertEqual(result.status, 2)
        self.assertEqual(
            result.stdout.splitlines()[3:5],
            [
                r'| ma\x1bil | late     | None |               |',
                "| data     |          | 23h  | available='1' |",
            ],
        )

    def test_column_or_sort_option_makes_it_a_table(self) -> None:
        for options in ('-c Name', '--sort-column Name'):
            with self.subTest(options):
                self.use_cloud()
                self.show_two()
                result = self.openstack(f'{ALL} {options}')
                self.assertEqual(result.status, 2)
                self.assertTrue(result.stdout.startswith('+--'), result.stdout)

    def test_value_has_raw_values(self) -> None:
        self.show(backup())
        result = self.openstack(f'{ALL} -f value -c Name -c State -c Age -c Findings')
        self.assertEqual(result.stdout, 'data ok [] 82800\n')

    def test_finding_without_a_volume_has_a_row(self) -> None:
        self.show(backup())
        limits = {'maxTotalBackups': 1, 'totalBackupsUsed': 1}
        self.cloud.on('GET /limits', {'limits': {'absolute': limits}})
        result = self.openstack(f'{ALL} --quota -f value -c ID -c State -c Findings')
        self.assertEqual(result.stdout, f"{VOLUME_ID} ok []\nNone warning ['quota']\n")

    def test_text_is_escaped_for_a_plain_encoding(self) -> None:
        self.show(volumes=[volume(name='Übung')])
        stdout = io.TextIOWrapper(io.BytesIO(), 'ascii')
        with mock.patch('sys.stdout', stdout), mock.patch('contextlib.redirect_stdout'):
            result = run(ALL, self.cloud.environment)
        stdout.seek(0)
        self.assertEqual(result.status, 2)
        self.assertIn(r'(\xdcbung never)', stdout.read())

    def test_help_names_the_text_as_the_default_format(self) -> None:
        result = self.openstack(f'{CHECK} --help')
        self.assertEqual(result.status, 0)
        text = ' '.join(result.stdout.split())
        self.assertIn('the output format, defaults to text for a monitoring system', text)


class UsageTest(CheckTest):
    """A usage error is UNKNOWN: argparse's 2 would be CRITICAL."""

    def test_usage_error_is_unknown(self) -> None:
        for arguments, words in (
            ('', 'the following arguments are required: --max-age'),
            ('--max-age 26h --nosuch', 'unrecognized arguments: --nosuch'),
            ('--max-age 5', "argument --max-age: Invalid duration '5'"),
            ('--max-age 26h --max-chain 0', 'argument --max-chain: must be 1 or greater'),
            ('--max-age 26h -f nosuch', 'argument -f/--format: invalid choice'),
            ("--max-age 26h ''", 'must not be empty'),
            ("--max-age 26h --all-volumes --metrics-file ''", 'must not be empty'),
            ('--max-age 26h --all-volumes --label a --property b', 'not allowed with'),
        ):
            with self.subTest(arguments):
                result = self.assert_unknown(f'{CHECK} {arguments}', words)
                self.assertIn('usage: ', result.stderr)
                self.assert_asked()
                self.assertEqual(self.cloud.identity, [])

    def test_options_that_do_not_fit_are_unknown(self) -> None:
        for arguments, words in (
            ('--max-age 26h', 'No volume given'),
            ('--all-volumes --max-age 26h --warn-age 26h', '--warn-age must be shorter'),
        ):
            with self.subTest(arguments):
                result = self.assert_unknown(f'{CHECK} {arguments}', words)
                self.assertEqual(result.stderr, '')
                self.assertEqual(self.cloud.identity, [])

    def test_undecodable_argument_is_unknown(self) -> None:
        arguments = [*ALL.split(), b'\xff'.decode(errors='surrogateescape')]
        self.assert_unknown(arguments, 'is not valid UTF-8')

    def test_unknown_column_is_unknown(self) -> None:
        self.show(backup())
        self.assert_unknown(f'{ALL} -c nosuch', 'No recognized column names')

    def test_too_old_a_microversion_for_properties_is_unknown(self) -> None:
        for option, name in (('--label nightly', '--label'), ('--property a', '--property')):
            with self.subTest(option):
                self.use_cloud(maximum='3.42')
                self.show(backup())
                said = f'{name} requires Block Storage 3.43, but this cloud is too old'
                self.assert_unknown(f'{ALL} {option}', said)

    def test_other_commands_still_end_with_2(self) -> None:
        result = self.openstack('volume backup list --nosuch')
        self.assertEqual((result.status, result.stdout), (2, ''))


class FailureTest(CheckTest):
    """What cannot be checked is UNKNOWN, wherever it fails."""

    TOKENS = f'{KEYSTONE}/auth/tokens'

    def identity(self, **answer: Any) -> None:
        """Let the identity service answer a request for a token in this way."""
        self.cloud._adapter.register_uri('POST', self.TOKENS, **answer)  # noqa: SLF001

    def test_wrong_password_is_unknown(self) -> None:
        said = 'The request you have made requires authentication.'
        body = {'error': {'code': 401, 'message': said}}
        self.identity(status_code=401, json=body, headers={'Content-Type': 'application/json'})
        self.assert_unknown(ALL, 'Cannot log in: ', said)
        self.assert_asked()

    def test_unreachable_identity_is_unknown(self) -> None:
        adapter = self.cloud._adapter  # noqa: SLF001
        refused = requests.exceptions.ConnectionError('Connection refused')
        adapter.register_uri(requests_mock.ANY, requests_mock.ANY, exc=refused)
        self.assert_unknown(ALL, 'Cannot log in: ', KEYSTONE)

    def test_failing_identity_is_unknown(self) -> None:
        for answer in (
            {'status_code': 503, 'text': 'Service Unavailable'},
            {'status_code': 200, 'text': '<html>Log in</html>'},
        ):
            with self.subTest(answer):
                self.use_cloud()
                self.identity(**answer)
                self.assert_unknown(ALL, 'Cannot log in: ')

    def test_missing_settings_are_unknown(self) -> None:
        missing = {'OS_CLIENT_CONFIG_FILE': '/nonexistent/clouds.yaml'}
        result = run(ALL, missing)
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.stdout, r'\ABACKUP UNKNOWN: Cannot log in: [^\n]+\n\Z')
        self.assertIn('auth', result.stdout)

    def test_missing_password_is_unknown(self) -> None:
        environment = {**self.cloud.environment}
        del environment['OS_PASSWORD']
        result = run(ALL, environment)
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.stdout, r'\ABACKUP UNKNOWN: Cannot log in: [^\n]+\n\Z')

    def test_unreachable_cloud_is_unknown(self) -> None:
        for line in LISTS:
            with self.subTest(line):
                self.use_cloud()
                self.show(backup())
                self.cloud._answers[line].clear()  # noqa: SLF001
                self.cloud.fail(line, requests.exceptions.ConnectionError('Connection refused'))
                what = line.split('/')[1]
                self.assert_unknown(ALL, f'Cannot list {what}: Block Storage cannot be reached')

    def test_refusal_is_unknown(self) -> None:
        self.cloud.refuse(LISTS[0], 403, 'Policy | forbids it.')
        self.assert_unknown(ALL, 'your roles in this project do not allow it', r'Policy \x7c')

    def test_missing_service_is_unknown(self) -> None:
        self.use_cloud(catalogue=False)
        self.assert_unknown(ALL, 'the cloud has no Block Storage service in its catalogue')

    def test_pinned_version_that_the_cloud_lacks_is_unknown(self) -> None:
        self.use_cloud(maximum='3.50')
        result = self.openstack(f'--os-volume-api-version 3.60 {ALL}')
        self.assertEqual(result.status, 3, result)
        self.assertIn('BACKUP UNKNOWN: ', result.stdout)

    def test_empty_selection_is_unknown(self) -> None:
        self.cloud.on(LISTS[0], {'volumes': []})
        self.assert_unknown(ALL, 'No volume is selected.')

    def test_missing_server_is_unknown(self) -> None:
        self.show(backup())
        self.assert_unknown(f'{CHECK} --server nosuch --max-age 26h', 'Cannot look up server')

    def test_defect_is_unknown(self) -> None:
        for error in (RuntimeError('two\nlines'), KeyError('x'), RecursionError()):
            with (
                self.subTest(error),
                mock.patch.object(check, 'examine', side_effect=error),
            ):
                self.assert_unknown(ALL, type(error).__name__)

    def test_debug_adds_a_traceback_on_stderr(self) -> None:
        with mock.patch.object(check, 'examine', side_effect=RuntimeError('oops')):
            result = self.openstack(f'--debug {ALL}')
        self.assertEqual(result.status, 3)
        self.assertEqual(result.stdout, 'BACKUP UNKNOWN: RuntimeError: oops\n')
        self.assertIn('Traceback', result.stderr)

    def test_closed_pipe_is_left_to_osc(self) -> None:
        with mock.patch.object(check, 'examine', side_effect=BrokenPipeError):
            self.assertEqual(self.openstack(ALL).status, 141)

    def test_closed_stderr_does_not_hide_a_usage_error(self) -> None:
        result = run(f'{ALL} --nosuch', self.cloud.environment, has_stderr=False)
        self.assertEqual(result.status, 3)
        self.assertIn('BACKUP UNKNOWN: unrecognized arguments', result.stdout)


class MetricsFileTest(CheckTest):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, 'backup.prom')

    def test_metrics_are_written_whole_and_readable(self) -> None:
        self.show(backup(metadata={LABEL: 'nightly'}))
        self.path.write_text('old\n' * 10_000, 'utf-8')
        self.assert_line(f'{ALL} --label nightly --metrics-file {self.path}', OK_LINE, 0)
        families = list(text_string_to_metric_families(self.path.read_text('utf-8')))
        samples = {each.name: each for family in families for each in family.samples}
        newest = samples['openstack_volume_backup_newest_timestamp_seconds']
        self.assertEqual(
            newest.labels,
            {
                'volume_id': VOLUME_ID,
                'volume_name': 'data',
                'project_id': OWN_PROJECT,
                'label': 'nightly',
            },
        )
        self.assertEqual(newest.value, datetime(2026, 11, 1, 2, tzinfo=timezone.utc).timestamp())
        time = samples['openstack_volume_backup_check_timestamp_seconds']
        self.assertEqual(time.value, NOW.timestamp())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o644)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_unwritable_file_is_unknown(self) -> None:
        self.show(backup())
        path = self.path.parent / 'nosuch' / 'backup.prom'
        result = self.openstack(f'{ALL} --metrics-file {path}')
        self.assertEqual(result.status, 3)
        first, second = result.stdout.splitlines()
        self.assertTrue(first.startswith('BACKUP UNKNOWN: the metrics file was not written | '))
        self.assertIn(f"Cannot write '{path}': No such file or directory.", second)

    def test_unwritable_file_does_not_hide_a_critical_finding(self) -> None:
        self.show()
        path = self.path.parent / 'nosuch' / 'backup.prom'
        result = self.openstack(f'{ALL} --metrics-file {path}')
        self.assertEqual(result.status, 2)
        self.assertIn('the metrics file was not written', result.stdout)

    def test_failed_check_keeps_the_old_file(self) -> None:
        self.path.write_text('old\n', 'utf-8')
        self.cloud.refuse(LISTS[0], 403, 'Policy forbids it.')
        self.assert_unknown(f'{ALL} --metrics-file {self.path}')
        self.assertEqual(self.path.read_text('utf-8'), 'old\n')
