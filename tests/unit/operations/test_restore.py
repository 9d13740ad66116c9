# SPDX-License-Identifier: Apache-2.0
"""Restoring: every refusal before anything changes, to volumes of all kinds, and watched."""

from typing import Any

import requests

from tests.unit.rows import ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest, Result

POST = f'POST /backups/{ID}/restore'
POST_VOLUME = 'POST /volumes'
RESTORE = f'volume backup restore {ID} -f value'
NAMED = f"'nightly' ({ID})"
RESET = requests.exceptions.ConnectionError('Connection reset by peer')


class RestoreTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_backup()
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}
        self.cloud.on(POST, {'restore': said}, status=202)
        new = volume(name='fresh', status='creating', size=1)
        self.cloud.on(POST_VOLUME, {'volume': new}, status=202)

    def on_backup(self, **changes: Any) -> None:
        self.cloud._answers.pop(f'GET /backups/{ID}', None)  # noqa: SLF001
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(**changes)})

    def on_volume(self, **changes: Any) -> None:
        rows = [volume(**changes)]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})

    def assert_refused(self, arguments: str, sentence: str, status: int = 1) -> None:
        self.assert_fails(f'{RESTORE} {arguments}', sentence, status)
        self.assertEqual([line for line in self.cloud.lines if not line.startswith('GET ')], [])


class RefusalTest(RestoreTest):
    def test_a_backup_that_is_not_available(self) -> None:
        self.on_backup(status='error')
        for target in ('', 'data --force', '--name data', '--type fast'):
            with self.subTest(target):
                self.assert_refused(
                    target,
                    f'Cannot restore backup {NAMED} in status error: it must be available.',
                )

    def test_a_volume_that_is_too_small(self) -> None:
        self.on_backup(size=3)
        self.on_volume(size=2)
        self.assert_refused(
            'data --force',
            f"Cannot restore backup {NAMED} of 3 GiB to volume 'data' ({VOLUME_ID}) of 2 GiB: it "
            'is too small.',
        )

    def test_a_volume_that_is_large_enough_is_none(self) -> None:
        for size in (2, 3):
            with self.subTest(size):
                self.setUp()
                self.on_backup(size=2)
                self.on_volume(size=size)
                self.assertEqual(self.openstack(f'{RESTORE} data --force').status, 0)

    def test_a_volume_that_is_not_available(self) -> None:
        for status in ('in-use', 'error', 'backing-up', 'restoring-backup', 'creating'):
            with self.subTest(status):
                self.setUp()
                self.on_volume(status=status)
                self.assert_refused(
                    'data --force',
                    f"Cannot restore backup {NAMED} to volume 'data' ({VOLUME_ID}) in status "
                    f'{status}: it must be available.',
                )

    def test_a_volume_that_is_there_without_force(self) -> None:
        self.on_volume(status='in-use')
        self.assert_refused(
            'data',
            f"Volume 'data' ({VOLUME_ID}) already exists; to overwrite it with backup {NAMED} use "
            "'--force'.",
        )

    def test_what_is_for_a_new_volume_where_there_is_one(self) -> None:
        self.on_volume()
        for option in ('--type fast', '--availability-zone az2'):
            for force in ('', '--force'):
                with self.subTest(option, force=force):
                    self.assert_refused(
                        f'data {option} {force}',
                        f"Volume 'data' ({VOLUME_ID}) already exists; --type and "
                        '--availability-zone are for a new one.',
                        status=2,
                    )

    def test_a_volume_and_a_new_name(self) -> None:
        self.assert_refused(
            'data --name fresh',
            "Give 'data' to restore to that volume, or --name for a new one, not both.",
            status=2,
        )
        self.assert_asked()

    def test_a_limit_without_a_wait(self) -> None:
        self.assert_refused(
            '--timeout 5m', '--timeout is a limit for --wait: give both, or none.', status=2
        )

    def test_an_empty_name(self) -> None:
        for option in ('--name', '--type', '--availability-zone'):
            with self.subTest(option):
                self.assert_misused(
                    ['volume', 'backup', 'restore', ID, option, ''],
                    f'argument {option}: must not be empty (is a shell variable unset?)',
                )


class NewVolumeTest(RestoreTest):
    def test_a_name_is_a_new_volumes_even_if_others_have_it(self) -> None:
        self.on_volume()
        self.assert_prints(f'{RESTORE} --name data', f'{ID}\n{VOLUME_ID}\ndata\n')
        self.assert_asked(f'GET /backups/{ID}', POST)
        self.assert_sent(POST, {'restore': {'name': 'data'}})

    def test_even_if_it_looks_like_an_id(self) -> None:
        self.assertEqual(self.openstack(f'{RESTORE} --name {OTHER_VOLUME_ID}').status, 0)
        self.assert_sent(POST, {'restore': {'name': OTHER_VOLUME_ID}})

    def test_a_type_or_zone_makes_the_volume_from_the_backup(self) -> None:
        self.cloud.on('GET /volumes/detail?name=fresh', {'volumes': []})
        for options, said in (
            ('--type fast', {'volume_type': 'fast'}),
            ('--availability-zone az2', {'availability_zone': 'az2'}),
            ('--name fresh --type fast', {'name': 'fresh', 'volume_type': 'fast'}),
            ('fresh --type fast', {'name': 'fresh', 'volume_type': 'fast'}),
            ('--type fast fresh', {'name': 'fresh', 'volume_type': 'fast'}),
            (
                '--type fast --availability-zone az2',
                {'volume_type': 'fast', 'availability_zone': 'az2'},
            ),
        ):
            with self.subTest(options):
                self.assert_prints(f'{RESTORE} {options}', f'{ID}\n{VOLUME_ID}\nfresh\n')
                self.assert_sent(POST_VOLUME, {'volume': {'backup_id': ID, **said}})
                self.assertNotIn(POST, self.cloud.lines)

    def test_on_too_old_a_cloud_nothing_is_made(self) -> None:
        for given, option in (('--type fast', '--type'), ('--avail az2', '--availability-zone')):
            with self.subTest(option):
                self.use_cloud(maximum='3.46')
                self.on_backup()
                self.assert_refused(
                    given,
                    f'{option} needs Block Storage microversion 3.47 or newer, but this cloud is '
                    'too old: it offers 3.0 to 3.46.',
                )

    def test_a_refusal_is_told(self) -> None:
        self.use_cloud()
        self.on_backup()
        self.cloud.refuse(POST_VOLUME, 404, 'Volume type fast could not be found.')
        self.assert_fails(
            f'{RESTORE} --type fast',
            f'Cannot restore backup {NAMED}: Volume type fast could not be found.',
        )


class LostAnswerTest(RestoreTest):
    """It is not repeated: a second restore might make a second volume."""

    def lose(self, line: str, status: int | None) -> None:
        self.use_cloud()
        self.on_backup()
        if status is None:
            self.cloud.fail(line, RESET)
        else:
            self.cloud.refuse(line, status, 'Boom.')

    def assert_unknown(self, options: str, line: str) -> None:
        for status in (None, 500, 502, 503, 504):
            with self.subTest(status):
                self.lose(line, status)
                result = self.openstack(f'{RESTORE} {options}')
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertTrue(result.stderr.startswith(f'Cannot restore backup {NAMED}: '))
                self.assertTrue(
                    result.stderr.endswith(
                        ' Whether the restore has begun is unknown: look at "openstack volume '
                        'list" before you try again.\n'
                    ),
                    result.stderr,
                )
                self.assertEqual(self.cloud.lines.count(line), 1)

    def test_of_a_restore_it_is_told(self) -> None:
        self.assert_unknown('', POST)

    def test_of_a_volume_made_from_a_backup_it_is_told(self) -> None:
        self.assert_unknown('--type fast', POST_VOLUME)

    def test_a_refusal_leaves_no_doubt(self) -> None:
        for options, line in (('', POST), ('--type fast', POST_VOLUME)):
            for status in (400, 403, 413, 429):
                with self.subTest(line, status=status):
                    self.lose(line, status)
                    result = self.openstack(f'{RESTORE} {options}')
                    self.assertEqual(result.status, 1)
                    self.assertNotIn('unknown', result.stderr)


class WaitTest(RestoreTest):
    GET = f'GET /volumes/{VOLUME_ID}'

    def on_statuses(self, *statuses: str) -> None:
        for status in statuses:
            self.cloud.on(self.GET, {'volume': volume(status=status)})
        self.cloud.on(f'GET /messages?resource_uuid={VOLUME_ID}', {'messages': []})

    def test_the_volume_is_watched_and_not_the_backup(self) -> None:
        self.on_statuses('restoring-backup', 'available')
        self.assert_prints(
            f'{RESTORE} --wait',
            f'{ID}\n{VOLUME_ID}\ndata\n',
            f"Volume 'data' ({VOLUME_ID}): restoring-backup\n"
            f"Volume 'data' ({VOLUME_ID}): available",
        )
        self.assert_asked(f'GET /backups/{ID}', POST, self.GET, self.GET)

    def test_a_restore_that_failed_is_a_failure(self) -> None:
        for status in ('error_restoring', 'error'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses('restoring-backup', status)
                self.assert_fails(
                    f'-q {RESTORE} --wait', f"Volume 'data' ({VOLUME_ID}) is in status {status}."
                )

    def test_so_is_one_to_an_existing_volume(self) -> None:
        self.on_volume()
        self.on_statuses('error_restoring')
        result = self.openstack(f'-q {RESTORE} data --force --wait')
        self.assertEqual(result.status, 1)

    def test_a_volume_made_from_a_backup_is_watched(self) -> None:
        self.on_statuses('creating', 'restoring-backup', 'available')
        result = self.openstack(f'-q {RESTORE} --type fast --wait')
        self.assertEqual(result, Result(0, f'{ID}\n{VOLUME_ID}\nfresh\n', ''))
        self.assertEqual(self.cloud.lines[-3:], [self.GET] * 3)

    def test_a_time_limit_gives_the_command_that_shows_the_volume(self) -> None:
        self.on_statuses('restoring-backup')
        self.assert_fails(
            f'-q {RESTORE} --wait --timeout 10m',
            f"Timed out after 10m00s; nothing is cancelled: volume 'data' ({VOLUME_ID}) "
            f'(see: openstack volume show {VOLUME_ID}).',
            status=3,
        )
        self.assertEqual(self.clock.passed, 600)

    def test_ctrl_c_cancels_nothing(self) -> None:
        self.on_statuses('restoring-backup')
        self.clock.interrupt_at(4)
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertIn(f'openstack volume show {VOLUME_ID}', result.stderr)
        self.assertFalse([line for line in self.cloud.lines if line.startswith('DELETE')])

    def test_a_cloud_that_is_restarted_is_waited_for(self) -> None:
        self.on_statuses('restoring-backup')
        self.cloud.fail(self.GET, RESET)
        self.cloud.refuse(self.GET, 503, 'Starting.')
        self.on_statuses('available')
        result = self.openstack(f'{RESTORE} --wait')
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stderr.count('Waiting for the cloud to answer again.'), 1)
        self.assertEqual(self.cloud.lines.count(POST), 1)
