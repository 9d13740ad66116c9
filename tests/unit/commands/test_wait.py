# SPDX-License-Identifier: Apache-2.0
"""``volume backup wait``, and what applies to all waits, through the real shell."""

import requests

from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest, Result

WAIT = 'volume backup wait'
GET = f'GET /backups/{ID}'
LIST = 'GET /backups/detail'
NAMED = f"'nightly' ({ID})"
CREATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}
RESTORED = {'restore': {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}}


class WaitTest(CommandTest):
    def on_statuses(self, *statuses: str, id_: str = ID, **changes: object) -> None:
        for status in statuses:
            self.cloud.on(f'GET /backups/{id_}', {'backup': backup(id_, status=status, **changes)})
        self.cloud.on(f'GET /messages?resource_uuid={id_}', {'messages': []})

    def test_available_backup_needs_no_wait(self) -> None:
        self.on_statuses('available')
        self.assert_prints(f'{WAIT} {ID}', '', f'Backup {NAMED}: available')
        self.assert_asked(GET)
        self.assertEqual(self.clock.sleeps, [])

    def test_backup_by_name_is_read_by_id(self) -> None:
        rows = [backup(status='creating')]
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': rows})
        self.on_statuses('creating', 'available')
        self.assert_prints(
            f'{WAIT} nightly',
            '',
            f'Backup {NAMED}: creating\nBackup {NAMED}: available',
        )
        self.assert_asked('GET /backups/detail?name=nightly', GET, GET)

    def test_quiet_prints_nothing(self) -> None:
        self.on_statuses('creating', 'available')
        self.assert_prints(f'-q {WAIT} {ID}', '')

    def test_quiet_reports_failures(self) -> None:
        self.on_statuses('creating', 'error', fail_reason='No space left.')
        self.assert_fails(
            f'-q {WAIT} {ID}',
            f'Backup {NAMED} is in status error (the server said: No space left).',
        )

    def test_failed_backup_is_reported_at_once(self) -> None:
        self.on_statuses('error', fail_reason='No space left.')
        self.assert_fails(
            f'{WAIT} {ID}',
            f'Backup {NAMED}: error\n'
            f'Backup {NAMED} is in status error (the server said: No space left).',
        )
        self.assertEqual(self.clock.sleeps, [])

    def test_status_option_waits_for_another_status(self) -> None:
        self.on_statuses('available', 'restoring')
        self.assert_prints(f'-q {WAIT} {ID} --status restoring', '')
        self.on_statuses('error')
        self.assert_prints(f'-q {WAIT} {ID} --status error', '')

    def test_unknown_status_is_a_usage_error(self) -> None:
        result = self.openstack(f'{WAIT} {ID} --status avialable')
        self.assertEqual(result.status, 2)
        self.assert_asked()

    def test_status_and_deleted_are_a_usage_error(self) -> None:
        self.assert_misused(
            f'{WAIT} {ID} --status error --deleted',
            'argument --deleted: not allowed with argument --status',
        )

    def test_invalid_timeout_is_a_usage_error(self) -> None:
        for text in ('10', 'soon', '-5s', ''):
            with self.subTest(text):
                self.assert_misused(
                    [*WAIT.split(), ID, f'--timeout={text}'],
                    f"argument --timeout: Invalid duration '{text}': use 90s, 30m, 12h, 7d or "
                    '1h30m',
                )

    def test_time_limit_that_no_number_can_hold_is_misuse(self) -> None:
        text = '99999999999999999d'
        complaint = f"argument --timeout: '{text}' is out of range"
        self.assert_misused(f'{WAIT} {ID} --timeout {text}', complaint)

    def test_deleted_waits_until_the_backup_is_gone(self) -> None:
        self.on_statuses('deleting', 'deleting')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.assert_prints(
            f'{WAIT} {ID} --deleted', '', f'Backup {NAMED}: deleting\nBackup {NAMED}: deleted'
        )

    def test_undone_deletion_ends_the_wait(self) -> None:
        self.on_statuses('available', 'deleting', 'deleting', 'available')
        self.assert_fails(f'-q {WAIT} {ID} --deleted', f'Backup {NAMED} is in status available.')

    def test_deletion_that_has_not_begun_is_waited_for(self) -> None:
        self.on_statuses('creating', 'available', 'available', 'deleting')
        self.cloud.refuse(GET, 404, 'Backup could not be found.')
        self.assert_prints(f'-q {WAIT} {ID} --deleted', '')

    def test_unreachable_status_ends_the_wait(self) -> None:
        for wanted, statuses in (
            ('creating', ('available',)),
            ('available', ('creating', 'deleting')),
            ('restoring', ('available', 'deleting')),
            ('error', ('creating', 'available')),
            ('error_restoring', ('restoring', 'available')),
            ('error_deleting', ('deleting', 'available')),
            ('deleting', ('creating', 'error')),
        ):
            with self.subTest(wanted):
                self.use_cloud()
                self.on_statuses(*statuses)
                self.assert_fails(
                    f'-q {WAIT} {ID} --status {wanted}',
                    f'Backup {NAMED} is in status {statuses[-1]}.',
                )

    def test_missing_backup_counts_as_deleted(self) -> None:
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': []})
        self.assert_prints(f'{WAIT} nightly --deleted', '')

    def test_failed_look_up_does_not_count_as_deleted(self) -> None:
        self.cloud.refuse('GET /backups/detail?name=nightly', 403, 'Policy forbids it.')
        result = self.openstack(f'{WAIT} nightly --deleted')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('Policy forbids it', result.stderr)

    def test_missing_backup_is_not_found(self) -> None:
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        self.assert_fails(f'{WAIT} nosuch', "No backup has the name or ID 'nosuch'.")

    def test_wait_continues_after_one_failure(self) -> None:
        self.on_statuses('error')
        self.on_statuses('creating', 'creating', 'available', id_=OTHER_ID)
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        result = self.openstack(f'-q {WAIT} {ID} nosuch {OTHER_ID}')
        self.assertEqual(
            result,
            Result(
                1,
                '',
                "No backup has the name or ID 'nosuch'.\n"
                f'Backup {NAMED} is in status error.\n'
                'Waiting failed for 2 of 3 backups.\n',
            ),
        )
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/{OTHER_ID}')

    def test_many_backups_are_read_in_one_list(self) -> None:
        ids = [f'11111111-aaaa-4bbb-8ccc-{number:012}' for number in range(1, 31)]
        for status in ('creating', 'creating', 'available'):
            self.cloud.on(LIST, {'backups': [backup(id_, status=status) for id_ in ids]})
        self.assert_prints(f'-q {WAIT} {" ".join(ids)}', '')
        self.assert_asked(LIST, LIST, LIST)

    def test_time_limit_has_exit_status_3(self) -> None:
        self.on_statuses('creating')
        result = self.openstack(f'{WAIT} {ID} --timeout 1m')
        self.assertEqual(
            result,
            Result(
                3,
                '',
                f'Backup {NAMED}: creating\n'
                'Timed out after 1m00s; nothing was cancelled. The cloud may still be working on '
                f'backup {NAMED} (to check: openstack volume backup show {ID}).\n',
            ),
        )
        self.assertEqual(self.clock.passed, 60)

    def test_ctrl_c_has_exit_status_130(self) -> None:
        self.on_statuses('creating')
        self.clock.interrupt_at(2)
        self.assert_fails(
            f'-q {WAIT} {ID}',
            f'Interrupted; nothing was cancelled. The cloud may still be working on backup {NAMED} '
            f'(to check: openstack volume backup show {ID}).',
            status=130,
        )

    def test_restarting_cloud_is_reported_once_and_waited_for(self) -> None:
        self.on_statuses('creating')
        self.cloud.fail(GET, requests.exceptions.ConnectionError('Connection refused'))
        for _ in range(3):
            self.cloud.refuse(GET, 503, 'Starting.')
        self.on_statuses('available')
        self.assert_prints(
            f'{WAIT} {ID}',
            '',
            f'Backup {NAMED}: creating\n'
            f'Cannot look up backup {ID}: Block Storage cannot be reached (Unable to establish '
            f'connection to http://volume.test/v3/backups/{ID}: Connection refused). Retrying '
            'until the cloud answers.\n'
            f'Backup {NAMED}: available',
        )

    def test_control_characters_are_escaped(self) -> None:
        self.on_statuses('creating', 'available', name='\x1b[2J')
        result = self.openstack(f'{WAIT} {ID}')
        self.assertNotIn('\x1b', result.stderr)
        self.assertIn(r'\x1b[2J', result.stderr)

    def test_empty_reference_is_a_usage_error(self) -> None:
        self.assert_misused(
            [*WAIT.split(), ID, ''],
            'argument <backup>: must not be empty (is a shell variable unset?)',
        )

    def test_unchanged_status_is_not_repeated(self) -> None:
        self.on_statuses(*['creating'] * 9, 'available')
        result = self.openstack(f'{WAIT} {ID}')
        self.assertEqual(len(result.stderr.splitlines()), 2)


class StdoutTest(CommandTest):
    """Standard output is the same with and without waiting."""

    COMMANDS = (f'volume backup create {VOLUME_ID}', f'volume backup restore {ID}')

    def setUp(self) -> None:
        super().setUp()
        self.cloud.on('POST /backups', CREATED, status=202)
        self.cloud.on(f'POST /backups/{ID}/restore', RESTORED, status=202)
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})

    def test_stdout_is_the_same_in_every_format(self) -> None:
        for command in self.COMMANDS:
            for form in ('table', 'json', 'value', 'shell', 'yaml'):
                with self.subTest(command, form=form):
                    once = self.openstack(f'{command} -f {form}')
                    waited = self.openstack(f'{command} -f {form} --wait')
                    self.assertEqual((once.status, once.stderr, waited.status), (0, '', 0))
                    self.assertEqual(waited.stdout, once.stdout)
                    self.assertIn(': available\n', waited.stderr)

    def test_interrupted_wait_names_the_backup(self) -> None:
        self.use_cloud()
        self.cloud.on('POST /backups', CREATED, status=202)
        self.cloud.on(GET, {'backup': backup(status='creating')})
        for number in (1, 2):
            self.clock.interrupt_at(len(self.clock.sleeps) + number)
            with self.subTest(number):
                result = self.openstack(f'-q volume backup create {VOLUME_ID} --wait')
                self.assertEqual(result.status, 130)
                self.assertIn(f'openstack volume backup show {ID}', result.stderr)

    def test_timeout_requires_wait(self) -> None:
        for command in self.COMMANDS:
            with self.subTest(command):
                self.assert_fails(
                    f'{command} --timeout 5m',
                    '--timeout requires --wait.',
                    status=2,
                )
        self.assert_asked()
