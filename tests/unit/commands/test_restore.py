# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

from tests.unit.rows import ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest

POST = f'POST /backups/{ID}/restore'
RESTORE = f'volume backup restore {ID}'
# The source volume of the backup, which is read to see whether it is encrypted.
SOURCE_ID = '22222222-aaaa-4bbb-8ccc-000000000003'
GET_SOURCE = f'GET /volumes/{SOURCE_ID}'


class RestoreTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_backup()
        self.on_restore(VOLUME_ID, 'data')

    def on_backup(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(volume_id=SOURCE_ID)})
        self.cloud.on(GET_SOURCE, {'volume': volume(SOURCE_ID)})

    def on_restore(self, volume_id: str, name: str) -> None:
        said = {'backup_id': ID, 'volume_id': volume_id, 'volume_name': name}
        self.cloud.on(POST, {'restore': said}, status=202)

    def on_volumes(self, name: str, *rows: dict[str, Any]) -> None:
        self.cloud.on(f'GET /volumes/detail?name={name}', {'volumes': list(rows)})

    def assert_nothing_restored(self) -> None:
        self.assertNotIn(POST, self.cloud.lines)


class NewVolumeTest(RestoreTest):
    def test_restore_without_volume_creates_one(self) -> None:
        self.assert_prints(f'{RESTORE} -f value', f'{ID}\n{VOLUME_ID}\ndata\n')
        self.assert_asked(f'GET /backups/{ID}', GET_SOURCE, POST)
        self.assert_sent(POST, {'restore': {}})

    def test_unused_name_creates_a_volume(self) -> None:
        self.on_volumes('fresh')
        self.assertEqual(self.openstack(f'{RESTORE} fresh').status, 0)
        self.assert_asked(f'GET /backups/{ID}', 'GET /volumes/detail?name=fresh', GET_SOURCE, POST)
        self.assert_sent(POST, {'restore': {'name': 'fresh'}})

    def test_name_in_another_case_creates_a_volume(self) -> None:
        self.on_volumes('data', volume(name='DATA'))
        self.assertEqual(self.openstack(f'{RESTORE} data').status, 0)
        self.assert_sent(POST, {'restore': {'name': 'data'}})

    def test_table_shows_the_target_volume(self) -> None:
        self.assert_prints(
            RESTORE,
            '+-------------+--------------------------------------+\n'
            '| Field       | Value                                |\n'
            '+-------------+--------------------------------------+\n'
            f'| id          | {ID} |\n'
            f'| volume_id   | {VOLUME_ID} |\n'
            '| volume_name | data                                 |\n'
            '+-------------+--------------------------------------+\n',
        )

    def test_json_shows_the_target_volume(self) -> None:
        stdout = self.openstack(f'{RESTORE} -f json').stdout
        said = {'id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}
        self.assertEqual(json.loads(stdout), said)

    def test_backup_is_found_by_name(self) -> None:
        self.cloud.on(
            'GET /backups/detail?name=nightly', {'backups': [backup(volume_id=SOURCE_ID)]}
        )
        self.assertEqual(self.openstack('volume backup restore nightly').status, 0)
        self.assert_asked('GET /backups/detail?name=nightly', GET_SOURCE, POST)


class ExistingVolumeTest(RestoreTest):
    def test_existing_volume_is_not_overwritten_without_force(self) -> None:
        self.on_volumes('data', volume())
        self.assert_fails(
            f'{RESTORE} data',
            f"Volume 'data' ({VOLUME_ID}) already exists. To restore backup 'nightly' ({ID}) to a "
            'new volume, use --name. To overwrite the existing volume, use --force.',
        )
        self.assert_nothing_restored()

    def test_existing_volume_by_id_is_not_overwritten_without_force(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name='')})
        self.assert_fails(
            f'{RESTORE} {VOLUME_ID}',
            f"Volume {VOLUME_ID} already exists. To restore backup 'nightly' ({ID}) to a new "
            'volume, use --name. To overwrite the existing volume, use --force.',
        )
        self.assert_nothing_restored()

    def test_force_works_in_any_position(self) -> None:
        for arguments in (
            f'--force {ID} data',
            f'{ID} --force data',
            f'{ID} data --force',
            f'{ID} --force --volume data',
            f'--volume data {ID} --force',
            f'{ID} -f json --force data',
        ):
            with self.subTest(arguments):
                self.on_volumes('data', volume())
                result = self.openstack(f'volume backup restore {arguments}')
                self.assertEqual((result.status, result.stderr), (0, ''))
                self.assert_sent(POST, {'restore': {'volume_id': VOLUME_ID}})

    def test_volume_id_takes_one_look_up(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.assertEqual(self.openstack(f'{RESTORE} --force {VOLUME_ID}').status, 0)
        self.assert_asked(f'GET /backups/{ID}', f'GET /volumes/{VOLUME_ID}', GET_SOURCE, POST)

    def test_force_is_accepted_for_a_new_volume(self) -> None:
        self.on_volumes('fresh')
        self.assertEqual(self.openstack(f'{RESTORE} fresh --force').status, 0)
        self.assert_sent(POST, {'restore': {'name': 'fresh'}})

    def test_volume_option_of_guides_is_the_argument(self) -> None:
        self.on_volumes('fresh')
        self.assertEqual(self.openstack(f'{RESTORE} --volume fresh').status, 0)
        self.assert_sent(POST, {'restore': {'name': 'fresh'}})


class DataAtRiskTest(RestoreTest):
    """Cases in which the built-in restore creates an unwanted volume."""

    def test_ambiguous_volume_is_refused(self) -> None:
        self.on_volumes('data', volume(), volume(OTHER_VOLUME_ID))
        for force in ('', '--force'):
            with self.subTest(force):
                self.assert_fails(
                    f'{RESTORE} data {force}',
                    "2 volumes have the name 'data'. Use the ID of one of them: "
                    f'{VOLUME_ID} (created 2026-10-01T00:00:00.000000, available), '
                    f'{OTHER_VOLUME_ID} (created 2026-10-01T00:00:00.000000, available).',
                )
                self.assert_nothing_restored()

    def test_unknown_id_does_not_create_a_volume(self) -> None:
        self.cloud.refuse(f'GET /volumes/{OTHER_VOLUME_ID}', 404, 'Volume could not be found.')
        self.on_volumes(OTHER_VOLUME_ID)
        self.assert_fails(
            f'{RESTORE} {OTHER_VOLUME_ID}',
            f"No volume has the ID '{OTHER_VOLUME_ID}'. To restore to a new volume, give a name "
            'that is not an ID, or omit the argument.',
        )
        self.assert_nothing_restored()

    def test_failed_look_up_does_not_create_a_volume(self) -> None:
        self.cloud.refuse('GET /volumes/detail?name=data', 503, 'Busy.')
        self.assert_fails(
            f'{RESTORE} data',
            'Cannot list volumes: the service is not available (the server said: Busy). '
            'Try again later.',
        )
        self.assert_nothing_restored()

    def test_failed_look_up_of_an_id_does_not_create_a_volume(self) -> None:
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 503, 'Busy.')
        self.assert_fails(
            f'{RESTORE} {VOLUME_ID}',
            f'Cannot look up volume {VOLUME_ID}: the service is not available (the server said: '
            'Busy). Try again later.',
        )
        self.assert_asked(f'GET /backups/{ID}', f'GET /volumes/{VOLUME_ID}')

    def test_unknown_backup_does_not_create_a_volume(self) -> None:
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        self.assert_fails(
            'volume backup restore nosuch fresh', "No backup has the name or ID 'nosuch'."
        )
        self.assert_asked('GET /backups/detail?name=nosuch')


class UsageTest(RestoreTest):
    def test_two_volumes_are_a_usage_error(self) -> None:
        self.assert_fails(
            f'{RESTORE} one --volume two',
            "Give one <volume>, not both 'one' and 'two'.",
            status=2,
        )
        self.assert_fails(
            f'{RESTORE} --volume two --force one',
            "Give one <volume>, not both 'one' and 'two'.",
            status=2,
        )
        self.assert_asked()

    def test_extra_arguments_are_a_usage_error(self) -> None:
        self.assert_misused(f'{RESTORE} one two', 'unrecognized arguments: two')
        # Newer Pythons accept <volume> after an option by themselves.
        result = self.openstack(f'{RESTORE} --force one two')
        self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertRegex(result.stderr, r'error: unrecognized arguments: (one )?two\n\Z')
        self.assert_misused(f'{RESTORE} --forec', 'unrecognized arguments: --forec')

    def test_backup_is_required(self) -> None:
        self.assert_misused(
            'volume backup restore --force', 'the following arguments are required: <backup>'
        )


class RefusalTest(RestoreTest):
    def test_unavailable_backup_is_refused_first(self) -> None:
        for status in ('creating', 'restoring', 'error', 'deleting'):
            with self.subTest(status):
                self.use_cloud().on(f'GET /backups/{ID}', {'backup': backup(status=status)})
                self.assert_fails(
                    f'{RESTORE} fresh',
                    f"Cannot restore backup 'nightly' ({ID}) in status {status}: the backup "
                    'must be available.',
                )
                self.assert_asked(f'GET /backups/{ID}')

    def test_changed_status_is_reported_in_cinders_words(self) -> None:
        self.use_cloud()
        self.on_backup()
        said = 'Invalid backup: Backup status must be available.'
        self.cloud.refuse(POST, 400, said)
        self.cloud.on(f'GET /volumes/detail?name=restore_backup_{ID}', {'volumes': []})
        self.assert_fails(RESTORE, f"Cannot restore backup 'nightly' ({ID}): {said}")

    def test_small_volume_is_reported_in_cinders_words(self) -> None:
        self.use_cloud()
        self.on_backup()
        self.on_volumes('data', volume())
        said = 'Invalid input received: volume size 1 is too small to restore backup of size 2'
        self.cloud.refuse(POST, 400, f'{said}.')
        self.assert_fails(
            f'{RESTORE} data --force', f"Cannot restore backup 'nightly' ({ID}): {said}."
        )
