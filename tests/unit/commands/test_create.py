# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

from tests.unit.rows import ID, OTHER_VOLUME_ID, SNAPSHOT_ID, VOLUME_ID, snapshot, volume
from tests.unit.shell import CommandTest

# Cinder's whole answer, in every microversion.
CREATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}
CREATE = f'volume backup create {VOLUME_ID}'
#: The request that decides whether Ceph would lose data.
LOOK = f'GET /backups/detail?volume_id={VOLUME_ID}'


class CreateTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.cloud.on('POST /backups', CREATED, status=202)
        self.cloud.on(LOOK, {'backups': []})

    def test_volume_id_needs_no_look_up(self) -> None:
        self.assertEqual(self.openstack(CREATE).status, 0)
        self.assert_asked('POST /backups')
        self.assert_sent('POST /backups', {'backup': {'volume_id': VOLUME_ID}})

    def test_table_has_three_fields(self) -> None:
        self.assert_prints(
            CREATE,
            '+-----------+--------------------------------------+\n'
            '| Field     | Value                                |\n'
            '+-----------+--------------------------------------+\n'
            f'| id        | {ID} |\n'
            '| name      | nightly                              |\n'
            f'| volume_id | {VOLUME_ID} |\n'
            '+-----------+--------------------------------------+\n',
        )

    def test_json_has_three_fields(self) -> None:
        result = self.openstack(f'{CREATE} -f json')
        self.assertEqual(
            json.loads(result.stdout), {'id': ID, 'name': 'nightly', 'volume_id': VOLUME_ID}
        )

    def test_value_and_shell_formats_suit_scripts(self) -> None:
        self.assert_prints(f'{CREATE} -f value', f'{ID}\nnightly\n{VOLUME_ID}\n')
        self.assert_prints(
            f'{CREATE} -f shell --prefix backup_',
            f'backup_id="{ID}"\nbackup_name="nightly"\nbackup_volume_id="{VOLUME_ID}"\n',
        )

    def test_body_has_only_the_given_options(self) -> None:
        for options, said in (
            ('--name web', {'name': 'web'}),
            ("--name ''", {'name': ''}),
            ("--description 'before the upgrade'", {'description': 'before the upgrade'}),
            ('--container vault', {'container': 'vault'}),
            (f'--snapshot {SNAPSHOT_ID}', {'snapshot_id': SNAPSHOT_ID}),
            ("--snapshot ''", {}),
            ('--force', {'force': True}),
            ('--incremental', {'incremental': True}),
            ('--no-incremental', {}),
            ('--property a=1 --property b=2', {'metadata': {'a': '1', 'b': '2'}}),
            ('--availability-zone az2', {'availability_zone': 'az2'}),
        ):
            with self.subTest(options):
                self.assert_creates(f'{CREATE} {options}', **said)

    def test_last_of_incremental_and_no_incremental_wins(self) -> None:
        self.assert_creates(f'{CREATE} --incremental --no-incremental')
        self.assert_creates(f'{CREATE} --no-incremental --incremental', incremental=True)

    def test_volume_option_is_refused_with_advice(self) -> None:
        self.assert_misused(
            'volume backup create --volume data-volume data-backup',
            '--volume is not an option of this command: give the volume as an argument and the '
            'name of the backup with --name',
        )

    def test_volume_name_takes_one_request(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assertEqual(self.openstack('volume backup create data').status, 0)
        self.assert_asked('GET /volumes/detail?name=data', 'POST /backups')
        self.assert_sent('POST /backups', {'backup': {'volume_id': VOLUME_ID}})

    def test_snapshot_name_takes_one_request(self) -> None:
        self.cloud.on('GET /snapshots/detail?name=frozen', {'snapshots': [snapshot()]})
        self.assert_creates(f'{CREATE} --snapshot frozen', snapshot_id=SNAPSHOT_ID)
        self.assert_asked('GET /snapshots/detail?name=frozen', LOOK, 'POST /backups')

    def test_ambiguous_volume_name_is_refused(self) -> None:
        rows = [volume(), volume(OTHER_VOLUME_ID, status='in-use')]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})
        self.assert_fails(
            'volume backup create data',
            "2 volumes have the name 'data'. Use the ID of one of them: "
            f'{VOLUME_ID} (created 2026-10-01T00:00:00.000000, available), '
            f'{OTHER_VOLUME_ID} (created 2026-10-01T00:00:00.000000, in-use).',
        )
        self.assert_asked('GET /volumes/detail?name=data')

    def test_unknown_volume_name_is_refused(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': []})
        self.assert_fails('volume backup create data', "No volume has the name or ID 'data'.")

    def test_unknown_snapshot_is_refused(self) -> None:
        self.cloud.on('GET /snapshots/detail?name=frozen', {'snapshots': []})
        self.assert_fails(f'{CREATE} --snapshot frozen', "No snapshot has the name or ID 'frozen'.")
        self.assert_asked('GET /snapshots/detail?name=frozen')

    def test_property_without_value_is_a_usage_error(self) -> None:
        self.assertEqual(self.openstack(f'{CREATE} --property a').status, 2)
        self.assert_asked()

    def assert_creates(self, arguments: str, **said: Any) -> None:
        result = self.openstack(arguments)
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assert_sent('POST /backups', {'backup': {'volume_id': VOLUME_ID, **said}})


class UnknownIdTest(CommandTest):
    """Cinder knows no volume or snapshot with that ID (404)."""

    def setUp(self) -> None:
        super().setUp()
        self.cloud.refuse('POST /backups', 404, 'Volume could not be found.')

    def test_volume_name_may_look_like_an_id(self) -> None:
        self.cloud.on('POST /backups', CREATED, status=202)
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 404, 'Volume could not be found.')
        rows = [volume(OTHER_VOLUME_ID, name=VOLUME_ID)]
        self.cloud.on(f'GET /volumes/detail?name={VOLUME_ID}', {'volumes': rows})
        self.assertEqual(self.openstack(CREATE).status, 0)
        self.assert_asked(
            'POST /backups',
            f'GET /volumes/{VOLUME_ID}',
            f'GET /volumes/detail?name={VOLUME_ID}',
            'POST /backups',
        )
        self.assert_sent('POST /backups', {'backup': {'volume_id': OTHER_VOLUME_ID}})

    def test_unknown_volume_id_is_not_found(self) -> None:
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 404, 'Volume could not be found.')
        self.cloud.on(f'GET /volumes/detail?name={VOLUME_ID}', {'volumes': []})
        self.assert_fails(CREATE, f"No volume has the name or ID '{VOLUME_ID}'.")

    def test_snapshot_name_may_look_like_an_id(self) -> None:
        self.cloud.on('POST /backups', CREATED, status=202)
        other = '33333333-aaaa-4bbb-8ccc-000000000002'
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        self.cloud.refuse(f'GET /snapshots/{SNAPSHOT_ID}', 404, 'Snapshot could not be found.')
        rows = [snapshot(other, name=SNAPSHOT_ID)]
        self.cloud.on(f'GET /snapshots/detail?name={SNAPSHOT_ID}', {'snapshots': rows})
        self.cloud.on(LOOK, {'backups': []})
        self.assertEqual(self.openstack(f'{CREATE} --snapshot {SNAPSHOT_ID}').status, 0)
        self.assert_sent(
            'POST /backups', {'backup': {'volume_id': VOLUME_ID, 'snapshot_id': other}}
        )

    def test_name_is_looked_up_only_once(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assert_fails(
            'volume backup create data',
            f'Cannot back up volume {VOLUME_ID}: Volume could not be found.',
        )
        self.assert_asked('GET /volumes/detail?name=data', 'POST /backups')


class MicroversionTest(CommandTest):
    """Messages if --property (3.43) or --availability-zone (3.51) is not available."""

    cases = (
        ('--property a=1', '--property', '3.43'),
        ('--avail az2', '--availability-zone', '3.51'),
    )

    def test_low_pin_is_refused_before_any_request(self) -> None:
        for given, option, since in self.cases:
            with self.subTest(option):
                self.use_cloud()
                self.assert_fails(
                    f'--os-volume-api-version 3.42 {CREATE} {given}',
                    f'{option} requires Block Storage {since}, but 3.42 was '
                    f'requested: use --os-volume-api-version {since}, or leave the version out to '
                    'use the newest.',
                )
                self.assert_asked('GET ')

    def test_old_cloud_creates_nothing(self) -> None:
        for given, option, since in self.cases:
            with self.subTest(option):
                self.use_cloud(maximum='3.42')
                self.assert_fails(
                    f'{CREATE} {given}',
                    f'{option} requires Block Storage {since}, but this cloud '
                    'is too old: it offers 3.0 to 3.42.',
                )
                # Rejected because of its microversion, and not repeated.
                self.assert_asked('POST /backups')
                self.assertEqual(self.cloud.asked[0].microversion, '3.71')

    def test_old_cloud_with_low_pin_gets_no_advice_to_pin(self) -> None:
        self.use_cloud(maximum='3.42')
        self.assert_fails(
            f'--os-volume-api-version 3.40 {CREATE} --property a=1',
            '--property requires Block Storage 3.43, but this cloud is too old: '
            'it offers 3.0 to 3.42.',
        )

    def test_sufficient_pin_creates_the_backup(self) -> None:
        self.cloud.on('POST /backups', CREATED, status=202)
        result = self.openstack(f'--os-volume-api-version 3.43 {CREATE} --property a=1')
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assertEqual(self.cloud.asked[-1].microversion, '3.43')

    def test_empty_availability_zone_is_ignored(self) -> None:
        self.cloud.on('POST /backups', CREATED, status=202)
        result = self.openstack(
            ['--os-volume-api-version', '3.42', *CREATE.split(), '--availability-zone', '']
        )
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assert_sent('POST /backups', {'backup': {'volume_id': VOLUME_ID}})

    def test_usage_errors_are_reported_before_missing_microversions(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.42 {CREATE} --property a=1 --allow-full',
            '--allow-full requires --incremental.',
            status=2,
        )
        self.assert_asked()

    def test_old_cloud_creates_backups_without_new_options(self) -> None:
        self.use_cloud(maximum='3.0').on('POST /backups', CREATED, status=202)
        self.assertEqual(self.openstack(f'{CREATE} --name web --force').status, 0)
        self.assert_asked('POST /backups', 'POST /backups')
        self.assertEqual(self.cloud.asked[-1].microversion, '3.0')


class RefusalTest(CommandTest):
    def assert_refused(self, status: int, said: str, told: str) -> None:
        self.cloud.refuse('POST /backups', status, said)
        self.assert_fails(CREATE, f'Cannot back up volume {VOLUME_ID}: {told}')
        self.assert_asked('POST /backups')

    def test_exceeded_quota_is_explained(self) -> None:
        said = 'Maximum number of backups allowed (10) exceeded'
        self.assert_refused(
            413,
            said,
            f"it would exceed the quota 'backups' (the server said: {said}). Delete backups that "
            'you no longer need, or ask for a larger quota.',
        )

    def test_wrong_volume_status_is_reported_in_cinders_words(self) -> None:
        said = 'Invalid volume: Volume must be available but the current status is "in-use"'
        self.assert_refused(400, f'{said}.', f'{said}.')

    def test_incremental_without_full_backup_gets_advice(self) -> None:
        said = 'Invalid backup: No backups available to do an incremental backup'
        self.assert_refused(
            400,
            f'{said}.',
            'the volume has no backup that an incremental backup can build on '
            f'(the server said: {said}). Create a full backup, or use --incremental with '
            '--allow-full.',
        )
