# SPDX-License-Identifier: Apache-2.0
"""Clouds that cannot be reached or refuse: one sentence for every answer."""

import tempfile
from pathlib import Path
from typing import ClassVar

import requests

from tests.unit.rows import ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest
from tests.unit.stub import CINDER

SHOW = f'volume backup show {ID}'
GET = f'GET /backups/{ID}'
GET_SOURCE = f'GET /volumes/{VOLUME_ID}'
LOOK_UP = f'Cannot look up backup {ID}'

# A page of a proxy in front of Cinder.
NGINX = """<html>
<head><title>503 Service Temporarily Unavailable</title></head>
<body>
<center><h1>503 Service Temporarily Unavailable</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""
HAPROXY = """<html><body><h1>503 Service Unavailable</h1>
No server is available to handle this request.
</body></html>
"""
APACHE = """<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head>
<title>503 Service Unavailable</title>
</head><body>
<h1>Service Unavailable</h1>
<p>The server is temporarily unable to service your
request.</p>
</body></html>
"""
# A page with tags over several lines, as portals and web application firewalls write them.
PORTAL = """<!DOCTYPE html>
<html lang="en"
      class="no-js">
<head>
<title>Bad gateway</title>
<meta name="viewport"
      content="width=device-width">
</head>
<body><p
id="x">Host error</p></body>
</html>
"""
LOGIN_PAGE = '<html><head><title>Log in</title></head><body><form>Who are you?</form></body></html>'


class FailureTest(CommandTest):
    def fails(self, arguments: str, status: int = 1) -> str:
        """Expect one readable sentence, and return it."""
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stdout), (status, ''))
        self.assertRegex(result.stderr, r'\A[A-Z][^\n]*\.\n\Z')
        for rubbish in ('Traceback', 'None', '<', 'Exception', 'object at 0x', 'nobody expects'):
            self.assertNotIn(rubbish, result.stderr)
        return result.stderr.rstrip('\n')


class UnreachableTest(FailureTest):
    def test_refused_connection_is_explained(self) -> None:
        self.cloud.fail(GET, requests.exceptions.ConnectionError('Connection refused'))
        self.assertEqual(
            self.fails(SHOW),
            f'{LOOK_UP}: Block Storage cannot be reached (Unable to establish connection to '
            f'http://volume.test/v3/backups/{ID}: Connection refused).',
        )

    def test_refused_connection_from_urllib3_is_explained(self) -> None:
        words = (
            "HTTPConnectionPool(host='volume.example.com', port=8776): Max retries exceeded with "
            f'url: /v3/backups/{ID} (Caused by NewConnectionError('
            "'<urllib3.connection.HTTPConnection object at 0x7f0c1c2b4d90>: Failed to establish a "
            "new connection: [Errno 111] Connection refused'))"
        )
        self.cloud.fail(GET, requests.exceptions.ConnectionError(words))
        self.assertIn('Connection refused', self.fails(SHOW))

    def test_broken_connection_is_explained(self) -> None:
        for error in (
            requests.exceptions.ReadTimeout('read timed out'),
            requests.exceptions.ConnectTimeout('connect timed out'),
            requests.exceptions.SSLError('certificate verify failed'),
            requests.exceptions.ChunkedEncodingError('Connection broken'),
        ):
            with self.subTest(type(error).__name__):
                self.use_cloud().fail(GET, error)
                self.assertTrue(self.fails(SHOW).startswith(f'{LOOK_UP}: '))

    def test_broken_connection_before_a_restore_restores_nothing(self) -> None:
        self.cloud.on(GET, {'backup': backup()})
        volumes = 'GET /volumes/detail?name=data'
        self.cloud.fail(volumes, requests.exceptions.ConnectionError('Connection refused'))
        self.assertIn('Cannot list volumes: ', self.fails(f'volume backup restore {ID} data'))
        self.assert_asked(GET, volumes)

    def test_unreachable_endpoint_override_is_explained(self) -> None:
        refused = requests.exceptions.ConnectionError('Connection refused')
        for line in ('GET ', 'GET /'):
            self.cloud.fail(line, refused)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, 'clouds.yaml')
            self.cloud.configure(path, block_storage_endpoint_override=CINDER)
            message = self.fails(SHOW)
        self.assertIn('Block Storage cannot be reached', message)

    def test_endpoint_override_to_another_service_is_explained(self) -> None:
        for line in ('GET ', 'GET /'):
            self.cloud.on(line, text=LOGIN_PAGE)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, 'clouds.yaml')
            self.cloud.configure(path, block_storage_endpoint_override=CINDER)
            message = self.fails(SHOW)
        self.assertIn('the endpoint does not look like Block Storage', message)
        self.assertTrue(
            message.endswith(' Check that its URL is correct and can be reached.'), message
        )

    def test_unreachable_cloud_is_explained_with_a_pin_too(self) -> None:
        refused = requests.exceptions.ConnectionError('Connection refused')
        for line in ('GET ', 'GET /', GET):
            self.cloud.fail(line, refused)
        message = self.fails(f'--os-volume-api-version 3.17 {SHOW}')
        self.assertIn('Block Storage cannot be reached', message)

    def test_each_failed_deletion_is_reported(self) -> None:
        self.cloud.fail(GET, requests.exceptions.ConnectionError('Connection refused'))
        result = self.openstack(f'volume backup delete {ID} {ID}')
        lines = result.stderr.splitlines()
        self.assertEqual((result.status, len(lines)), (1, 3))
        self.assertEqual(lines[-1], '2 of 2 backups failed to delete.')


class NoServiceTest(FailureTest):
    def test_missing_catalogue_entry_is_explained(self) -> None:
        for command in (
            'volume backup show x',
            'volume backup list',
            'volume backup create x',
            'volume backup set x --state error',
            f'--os-volume-api-version 3.17 {SHOW}',
        ):
            with self.subTest(command):
                self.use_cloud(catalogue=False)
                message = self.fails(command)
                self.assertIn(
                    'Cannot use Block Storage: the cloud has no Block Storage service in its '
                    'catalogue',
                    message,
                )
                self.assertTrue(
                    message.endswith(' Check the region, the interface and the service type.'),
                    message,
                )
                self.assert_asked()

    def test_missing_backup_service_is_not_reported_as_missing_backup(self) -> None:
        said = 'Service cinder-backup could not be found.'
        told = (
            ': no backup service is running, or none in its availability zone (the server '
            'said: Service cinder-backup could not be found). Ask the operator of the cloud.'
        )
        for command, line in (
            (f'delete {ID}', f'DELETE /backups/{ID}'),
            (f'restore {ID}', f'POST /backups/{ID}/restore'),
            (f'record export {ID}', f'GET /backups/{ID}/export_record'),
        ):
            with self.subTest(command):
                self.use_cloud().on(GET, {'backup': backup()})
                self.cloud.on(GET_SOURCE, {'volume': volume()})
                self.cloud.on(f'GET /volumes/detail?name=restore_backup_{ID}', {'volumes': []})
                self.cloud.refuse(line, 404, said)
                message = self.fails(f'volume backup {command}')
                self.assertTrue(message.endswith(f"backup 'nightly' ({ID}){told}"), message)
                self.assertEqual(self.cloud.lines.count(line), 1)


class RefusalTest(FailureTest):
    def test_status_is_explained_with_the_servers_words(self) -> None:
        later = ' Try again later.'
        for status, meaning, advice in (
            (
                401,
                'the service does not allow this request with these credentials',
                ' If you use an application credential, check its access rules.',
            ),
            (403, 'your roles in this project do not allow it', ''),
            (429, 'too many requests', later),
            (
                500,
                'the server failed',
                f'{later} If it fails again, ask the operator of the cloud.',
            ),
            (502, 'the service is not available', later),
            (503, 'the service is not available', later),
            (504, 'the service did not answer in time', later),
        ):
            with self.subTest(status):
                self.use_cloud().refuse(GET, status, 'So it is.')
                self.assertEqual(
                    self.fails(SHOW), f'{LOOK_UP}: {meaning} (the server said: So it is).{advice}'
                )

    def test_quota_is_named(self) -> None:
        self.cloud.refuse('POST /backups', 413, 'Maximum number of backups allowed (10) exceeded')
        self.assertEqual(
            self.fails(f'volume backup create {VOLUME_ID}'),
            f"Cannot back up volume {VOLUME_ID}: it would exceed the quota 'backups' (the server "
            'said: Maximum number of backups allowed (10) exceeded). Delete backups that you no '
            'longer need, or ask for a larger quota.',
        )

    def test_failed_write_is_not_repeated(self) -> None:
        for status in (400, 403, 409, 413):
            with self.subTest(status):
                self.use_cloud().refuse('POST /backups', status, 'Busy.')
                self.fails(f'volume backup create {VOLUME_ID}')
                self.assert_asked('POST /backups')

    def test_answer_without_body_is_reported_by_its_reason(self) -> None:
        self.cloud.on(GET, status=502)
        self.assertEqual(
            self.fails(SHOW),
            f'{LOOK_UP}: the service is not available (the server said: Bad Gateway). '
            'Try again later.',
        )

    def test_debug_adds_a_traceback(self) -> None:
        self.cloud.refuse(GET, 403, 'Policy forbids it.')
        result = self.openstack(f'--debug {SHOW}')
        self.assertEqual(result.status, 1)
        self.assertIn('Traceback', result.stderr)
        self.assertIn('your roles in this project do not allow it', result.stderr)


class TooLargeTest(FailureTest):
    """The four kinds of 413."""

    POST = 'POST /backups'
    CREATE = f'volume backup create {VOLUME_ID}'
    CREATED: ClassVar = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}

    def limit_rate(self, line: str, seconds: int) -> None:
        fault = {'overLimitFault': {'code': 413, 'message': 'This request was rate-limited.'}}
        self.cloud.on(line, fault, status=413, headers={'Retry-After': str(seconds)})

    def test_backup_quota_is_explained_with_advice(self) -> None:
        said = (
            'Requested backup exceeds allowed Backup gigabytes quota. Requested 1G, quota is 10G '
            'and 10G has been consumed.'
        )
        fault = {'overLimitFault': {'code': 413, 'message': said}}
        self.cloud.on(self.POST, fault, status=413, headers={'Retry-After': '0'})
        self.assertEqual(
            self.fails(f'{self.CREATE} --wait'),
            f"Cannot back up volume {VOLUME_ID}: it would exceed the quota 'backup_gigabytes' (the "
            f'server said: {said[:-1]}). Delete backups that you no longer need, or ask for a '
            'larger quota.',
        )
        self.assert_asked(self.POST)

    def test_volume_quota_has_no_advice_to_delete_backups(self) -> None:
        said = "Maximum number of volumes allowed (10) exceeded for quota 'volumes'."
        restore = f'POST /backups/{ID}/restore'
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(GET_SOURCE, {'volume': volume()})
        fault = {'overLimitFault': {'code': 413, 'message': said}}
        self.cloud.on(restore, fault, status=413, headers={'Retry-After': '0'})
        self.assertEqual(
            self.fails(f'volume backup restore {ID} --name fresh --wait'),
            f"Cannot restore backup 'nightly' ({ID}): it would exceed the quota 'volumes' (the "
            f'server said: {said[:-1]}).',
        )
        self.assertEqual(self.cloud.lines.count(restore), 1)

    def test_rate_limit_is_explained(self) -> None:
        self.limit_rate(GET, 7)
        self.assertEqual(
            self.fails(SHOW),
            f'{LOOK_UP}: too many requests (the server said: This request was '
            'rate-limited). Try again later.',
        )
        self.assert_asked(GET)

    def test_waiting_command_retries_after_a_rate_limit(self) -> None:
        self.limit_rate(GET, 7)
        self.cloud.on(GET, {'backup': backup()})
        self.assertEqual(self.openstack(f'volume backup wait {ID}').status, 0)
        self.assertEqual(self.clock.sleeps, [7])

    def test_create_retries_after_a_rate_limit(self) -> None:
        self.limit_rate(self.POST, 7)
        self.cloud.on(self.POST, self.CREATED, status=202)
        self.cloud.on(GET, {'backup': backup()})
        self.assertEqual(self.openstack(f'{self.CREATE} --wait').status, 0)
        # Nothing was created, so there is nothing to look for.
        self.assert_asked(self.POST, self.POST, GET)
        self.assertEqual(self.clock.sleeps[0], 7)

    def test_restore_retries_after_a_rate_limit(self) -> None:
        restore = f'POST /backups/{ID}/restore'
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(GET_SOURCE, {'volume': volume()})
        self.limit_rate(restore, 7)
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'fresh'}
        self.cloud.on(restore, {'restore': said}, status=202)
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name='fresh')})
        result = self.openstack(f'volume backup restore {ID} --name fresh --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(self.clock.sleeps[0], 7)

    def test_proxy_limit_is_reported_in_its_words(self) -> None:
        page = '<html><head><title>413 Request Entity Too Large</title></head></html>'
        self.cloud.on(self.POST, status=413, text=page)
        self.assertEqual(
            self.fails(f'{self.CREATE} --wait'),
            f'Cannot back up volume {VOLUME_ID}: 413 Request Entity Too Large.',
        )
        self.assert_asked(self.POST)


class PagesTest(FailureTest):
    def test_html_page_of_a_proxy_is_shown_as_text(self) -> None:
        for page in (NGINX, HAPROXY, APACHE):
            with self.subTest(page):
                self.use_cloud().on(GET, status=503, text=page)
                message = self.fails(SHOW)
                self.assertIn(f'{LOOK_UP}: the service is not available (the server', message)
                self.assertTrue(message.endswith('). Try again later.'), message)

    def test_html_tags_over_several_lines_are_removed(self) -> None:
        self.cloud.on(GET, status=502, text=PORTAL)
        self.assertIn('the service is not available', self.fails(SHOW))

    def test_html_page_instead_of_a_list_is_a_failure(self) -> None:
        self.cloud.on('GET /backups/detail', text=LOGIN_PAGE)
        self.assertTrue(self.fails('volume backup list').startswith('Cannot list backups: '))

    def test_html_page_instead_of_a_backup_is_a_failure(self) -> None:
        self.cloud.on(GET, text=LOGIN_PAGE)
        self.assertTrue(self.fails(SHOW).startswith(LOOK_UP))

    def test_html_page_instead_of_a_backup_changes_nothing(self) -> None:
        for command, line in (
            ('set --property a=1', f'PUT /backups/{ID}'),
            ('delete', f'DELETE /backups/{ID}'),
            ('restore', f'POST /backups/{ID}/restore'),
        ):
            with self.subTest(command):
                self.use_cloud().on(GET, text=LOGIN_PAGE)
                self.cloud.on(line, text=LOGIN_PAGE)
                self.assertEqual(self.openstack(f'volume backup {command} {ID}').status, 1)
                self.assert_asked(GET)

    def test_html_page_instead_of_a_restore_is_a_failure(self) -> None:
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.cloud.on(f'POST /backups/{ID}/restore', text=LOGIN_PAGE)
        message = self.fails(f'volume backup restore {ID} {VOLUME_ID} --force')
        self.assertTrue(message.startswith('Cannot restore backup '), message)


class LongMessageTest(FailureTest):
    def test_regular_expression_is_left_out(self) -> None:
        pattern = ''.join(f'\\x{code:02x}-' for code in range(1000))
        said = (
            'Invalid input for field/attribute description. Value: a\nb. '
            f"'a\nb' does not match '^[{pattern}]*$'"
        )
        self.cloud.refuse('POST /backups', 400, said)
        self.assertEqual(
            self.fails(f"volume backup create {VOLUME_ID} --description 'a\nb'"),
            f'Cannot back up volume {VOLUME_ID}: Invalid input for field/attribute description. '
            "Value: a b. 'a b' does not match what Block Storage allows.",
        )

    def test_long_message_is_shortened(self) -> None:
        self.cloud.refuse('POST /backups', 400, 'Value: ' + 'v' * 5000)
        message = self.fails(f'volume backup create {VOLUME_ID}')
        self.assertIn('Value: vvv', message)
        self.assertLess(len(message), 400)

    def test_control_characters_are_escaped(self) -> None:
        self.cloud.refuse('POST /backups', 400, 'Bad \x1b[2J name.')
        self.assertEqual(
            self.fails(f'volume backup create {VOLUME_ID}'),
            rf'Cannot back up volume {VOLUME_ID}: Bad \x1b[2J name.',
        )
