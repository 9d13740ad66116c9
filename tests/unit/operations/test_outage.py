# SPDX-License-Identifier: Apache-2.0
"""A cloud that does not answer for a while, or never, through the real shell."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.unit.living import LivingTest
from tests.unit.rows import ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest, Result
from tests.unit.stub import CINDER, StubCloud

GET = f'GET /backups/{ID}'
LIST = 'GET /backups/detail'
WAITING = 'Retrying until the cloud answers.'
CREATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}
RESTORED = {'restore': {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}}
RESET = requests.exceptions.ConnectionError('Connection reset by peer')
TIMEOUT = requests.exceptions.ReadTimeout('Read timed out.')


def busy(cloud: StubCloud, line: str) -> None:
    cloud.refuse(line, 503, 'Busy.')


#: Transient faults.
FAULTS: tuple[Callable[[StubCloud, str], None], ...] = (
    busy,
    lambda cloud, line: cloud.refuse(line, 500, 'Boom.'),
    lambda cloud, line: cloud.on(line, {}, status=429, headers={'Retry-After': '3'}),
    lambda cloud, line: cloud.on(line, {}, status=413, headers={'Retry-After': '3'}),
    lambda cloud, line: cloud.fail(line, RESET),
    lambda cloud, line: cloud.fail(line, TIMEOUT),
)


class FirstLookUpTest(CommandTest):
    """A fault at the first request of a command that waits."""

    def assert_ridden_out(self, result: Result) -> None:
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(result.stderr.count(WAITING), 1)
        # The message names the fault, and does not advise a retry that the command does itself.
        told = next(line for line in result.stderr.splitlines() if line.endswith(WAITING))
        self.assertRegex(told, rf'^Cannot (look up|list) .*\. {WAITING}$')
        self.assertNotIn('Try again', told)

    def test_wait_retries_its_first_request(self) -> None:
        for fault in FAULTS:
            with self.subTest(fault):
                fault(self.use_cloud(), GET)
                self.cloud.on(GET, {'backup': backup()})
                self.assert_ridden_out(self.openstack(f'volume backup wait {ID}'))

    def test_wait_retries_the_look_up_of_a_name(self) -> None:
        busy(self.cloud, f'{LIST}?name=nightly')
        self.cloud.on(f'{LIST}?name=nightly', {'backups': [backup()]})
        self.assert_ridden_out(self.openstack('volume backup wait nightly'))

    def test_create_with_wait_retries_its_first_request(self) -> None:
        volumes = 'GET /volumes/detail?name=data'
        for fault in FAULTS:
            with self.subTest(fault):
                fault(self.use_cloud(), volumes)
                self.cloud.on(volumes, {'volumes': [volume()]})
                self.cloud.on('POST /backups', CREATED, status=202)
                self.cloud.on(GET, {'backup': backup()})
                self.assert_ridden_out(self.openstack('volume backup create data --wait'))
                self.assertEqual(self.cloud.lines.count('POST /backups'), 1)

    def test_create_with_wait_retries_the_choice_of_the_kind(self) -> None:
        busy(self.cloud, f'GET /volumes/{VOLUME_ID}')
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.cloud.on(f'{LIST}?volume_id={VOLUME_ID}&status=available', {'backups': []})
        self.cloud.on(f'{LIST}?volume_id={VOLUME_ID}', {'backups': []})
        self.cloud.on('POST /backups', CREATED, status=202)
        self.cloud.on(GET, {'backup': backup()})
        create = f'volume backup create {VOLUME_ID} --incremental --allow-full --wait'
        self.assert_ridden_out(self.openstack(create))

    def test_restore_with_wait_retries_its_first_request(self) -> None:
        for fault in FAULTS:
            with self.subTest(fault):
                fault(self.use_cloud(), GET)
                self.cloud.on(GET, {'backup': backup()})
                self.cloud.on(f'POST /backups/{ID}/restore', RESTORED, status=202)
                self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
                self.assert_ridden_out(self.openstack(f'volume backup restore {ID} --wait'))

    def test_first_request_without_wait_is_not_repeated(self) -> None:
        for command in ('create data', f'restore {ID}', f'delete {ID}', f'show {ID}', 'list'):
            with self.subTest(command):
                self.use_cloud()
                for line in (GET, LIST, 'GET /volumes/detail?name=data'):
                    busy(self.cloud, line)
                result = self.openstack(f'volume backup {command}')
                self.assertEqual((result.status, len(self.cloud.lines)), (1, 1))
                self.assertTrue(result.stderr.endswith(' Try again later.\n'), result.stderr)


class LivingLookUpTest(LivingTest):
    def assert_deletes(self, arguments: str, *ids: str) -> None:
        result = self.openstack(f'volume backup {arguments}')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertEqual(result.stderr.count(WAITING), 1)
        self.assertEqual(self.cloud.deletions, list(ids))

    def test_delete_with_wait_retries_its_first_request(self) -> None:
        for fault in FAULTS:
            with self.subTest(fault):
                self.use_living()
                (full,) = self.keep_chain(1)
                fault(self.cloud, f'GET /backups/{full}')
                self.assert_deletes(f'delete {full} --wait', full)

    def test_delete_with_wait_retries_the_list_of_many(self) -> None:
        ids = [self.cloud.keep(number) for number in range(1, 5)]
        busy(self.cloud, LIST)
        result = self.openstack('volume backup delete b1 b2 b3 b4 --wait')
        self.assertEqual((result.status, result.stderr.count(WAITING)), (0, 1))
        self.assertEqual(sorted(self.cloud.deletions), ids)

    def test_cascade_retries_its_first_request(self) -> None:
        for fault in FAULTS:
            with self.subTest(fault):
                self.use_living()
                full, one = self.keep_chain(2)
                fault(self.cloud, f'GET /backups/{full}')
                self.assert_deletes(f'delete {full} --cascade --auto-approve', one, full)

    def test_cascade_retries_the_search_for_dependents(self) -> None:
        full, one = self.keep_chain(2)
        busy(self.cloud, f'{LIST}?volume_id={VOLUME_ID}')
        self.assert_deletes(f'delete {full} --cascade --auto-approve', one, full)

    def test_cascade_of_an_administrator_retries_the_search_for_dependents(self) -> None:
        self.use_living(roles=('admin',))
        full, one = self.keep_chain(2)
        busy(self.cloud, f'{LIST}?parent_id={one}&all_tenants=1')
        self.assert_deletes(f'delete {full} --cascade --auto-approve', one, full)

    def test_prune_retries_its_first_request(self) -> None:
        for fault in FAULTS:
            with self.subTest(fault):
                self.use_living()
                old = self.cloud.keep(1)
                self.cloud.keep(2)
                fault(self.cloud, LIST)
                self.assert_deletes('prune --all-volumes --keep-last 1 --auto-approve', old)

    def test_prune_retries_the_second_look(self) -> None:
        old = self.cloud.keep(1)
        self.cloud.keep(2)
        busy(self.cloud, f'GET /backups/{old}')
        self.assert_deletes('prune --all-volumes --keep-last 1 --auto-approve', old)

    def test_dry_run_of_prune_retries_its_first_request(self) -> None:
        self.cloud.keep(1)
        busy(self.cloud, LIST)
        result = self.openstack('volume backup prune --all-volumes --keep-last 1 --dry-run')
        self.assertEqual((result.status, result.stderr.count(WAITING)), (0, 1))

    def test_endpoint_discovery_with_a_pin_is_repeated(self) -> None:
        (full,) = self.keep_chain(1)
        for _ in range(3):
            self.cloud.fail('GET ', RESET)
        result = self.openstack(f'--os-volume-api-version 3.50 volume backup delete {full} --wait')
        self.assertEqual((result.status, self.cloud.gone), (0, [full]), result.stderr)

    def test_endpoint_discovery_with_an_override_is_repeated(self) -> None:
        for fault in (busy, FAULTS[-2], FAULTS[-1]):
            with self.subTest(fault), tempfile.TemporaryDirectory() as folder:
                self.use_living()
                settings = {'block_storage_endpoint_override': CINDER}
                self.cloud.configure(Path(folder, 'clouds.yaml'), **settings)
                (full,) = self.keep_chain(1)
                fault(self.cloud, 'GET ')
                result = self.openstack(f'volume backup delete {full} --wait')
                self.assertEqual((result.status, self.cloud.gone), (0, [full]), result.stderr)


class SilenceTest(CommandTest):
    """A server that accepts requests and never answers."""

    WAIT = f'volume backup wait {ID}'

    def timeouts(self) -> list[float | None]:
        return [asked.timeout for asked in self.cloud.asked]

    def configure(self, **settings: Any) -> None:
        """Use a clouds.yaml with these settings until the test ends."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cloud.configure(Path(folder.name, 'clouds.yaml'), **settings)

    def assert_times_out(self, arguments: str, seconds: float) -> Result:
        """Expect that the command ends exactly at the time limit."""
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stdout), (3, ''), result.stderr)
        self.assertTrue(result.stderr.splitlines()[-1].startswith('Timed out after '))
        self.assertLess(self.clock.passed, seconds + 1)
        return result

    def test_request_ends_at_the_time_limit(self) -> None:
        self.cloud.ignore(GET, self.clock)
        result = self.assert_times_out(f'{self.WAIT} --timeout 6s', 6)
        self.assertIn('Block Storage did not answer in time', result.stderr)
        self.assertEqual(self.timeouts()[0], 6)

    def test_later_request_ends_at_the_time_limit(self) -> None:
        for _ in range(4):
            self.cloud.on(GET, {'backup': backup(status='creating')})
        self.cloud.ignore(GET, self.clock)
        self.assert_times_out(f'{self.WAIT} --timeout 10s', 10)
        self.assertEqual(self.timeouts()[:2], [10, 9])

    def test_restore_ends_at_the_time_limit(self) -> None:
        post = f'POST /backups/{ID}/restore'
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.cloud.ignore(post, self.clock)
        result = self.assert_times_out(f'volume backup restore {ID} --wait --timeout 6s', 6)
        self.assertIn('It is unknown whether the restore has begun', result.stderr)
        self.assertEqual(self.cloud.lines.count(post), 1)

    def test_create_ends_at_the_time_limit(self) -> None:
        self.cloud.ignore('POST /backups', self.clock)
        self.cloud.ignore(f'{LIST}?volume_id={VOLUME_ID}', self.clock)
        result = self.assert_times_out(f'volume backup create {VOLUME_ID} --wait --timeout 6s', 6)
        self.assertIn('It is unknown whether the backup is being created', result.stderr)
        self.assertEqual(self.cloud.lines.count('POST /backups'), 1)

    def test_delete_ends_at_the_time_limit(self) -> None:
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.ignore(f'DELETE /backups/{ID}', self.clock)
        result = self.assert_times_out(f'volume backup delete {ID} --wait --timeout 6s', 6)
        # The deletion may have begun.
        self.assertIn(f'openstack volume backup show {ID}', result.stderr)

    def test_list_of_prune_ends_at_the_time_limit(self) -> None:
        self.cloud.ignore(LIST, self.clock)
        self.assert_times_out(
            'volume backup prune --all-volumes --keep-last 1 --auto-approve --timeout 6s', 6
        )

    def test_endpoint_discovery_ends_at_the_time_limit(self) -> None:
        for line in ('GET ', 'GET /', GET):
            self.cloud.ignore(line, self.clock)
        self.assert_times_out(f'--os-volume-api-version 3.50 {self.WAIT} --timeout 6s', 6)

    def test_retries_in_clouds_yaml_do_not_extend_the_time_limit(self) -> None:
        self.configure(connect_retries=3)
        self.cloud.ignore(GET, self.clock)
        self.assert_times_out(f'{self.WAIT} --timeout 6s', 6)

    def test_read_without_time_limit_ends_after_a_minute(self) -> None:
        self.cloud.ignore(GET, self.clock)
        result = self.openstack(f'volume backup show {ID}')
        self.assertEqual((result.status, self.timeouts()), (1, [60]))
        self.assertIn('Block Storage did not answer in time', result.stderr)

    def test_wait_without_time_limit_continues_after_a_minute(self) -> None:
        self.cloud.ignore(GET, self.clock)
        self.cloud.on(GET, {'backup': backup()})
        result = self.openstack(self.WAIT)
        self.assertEqual((result.status, self.timeouts()), (0, [60, 60]))
        self.assertEqual(result.stderr.count(WAITING), 1)

    def test_change_without_time_limit_may_take_longer(self) -> None:
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.cloud.on(f'POST /backups/{ID}/restore', RESTORED, status=202)
        self.assertEqual(self.openstack(f'volume backup restore {ID}').status, 0)
        self.assertEqual(self.timeouts(), [60, 60, None])

    def test_shorter_api_timeout_applies(self) -> None:
        self.configure(api_timeout=20)
        self.cloud.on(GET, {'backup': backup()})
        self.cloud.on(f'POST /backups/{ID}/restore', RESTORED, status=202)
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.assertEqual(self.openstack(f'volume backup restore {ID} --wait').status, 0)
        self.assertEqual(self.timeouts(), [20, 20, 20, 20])

    def test_longer_api_timeout_does_not_extend_the_time_limit(self) -> None:
        self.configure(api_timeout=600)
        self.cloud.ignore(GET, self.clock)
        self.assert_times_out(f'{self.WAIT} --timeout 6s', 6)

    def test_longer_api_timeout_does_not_extend_reads(self) -> None:
        self.configure(api_timeout=600)
        self.cloud.ignore(GET, self.clock)
        self.openstack(f'volume backup show {ID}')
        self.assertEqual(self.timeouts(), [60])
