# SPDX-License-Identifier: Apache-2.0
import base64
import json

from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest

POST = 'POST /backups/import_record'
IMPORT = 'volume backup record import cinder.backup.drivers.nfs eyJpZCI6ICIxIn0='


class ImportTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(POST, {'backup': {'id': ID, 'name': 'nightly', 'links': []}}, status=201)

    def test_record_is_posted_to_the_import_route(self) -> None:
        self.assertEqual(self.openstack(IMPORT).status, 0)
        self.assert_asked(POST)
        record = {'backup_service': 'cinder.backup.drivers.nfs', 'backup_url': 'eyJpZCI6ICIxIn0='}
        self.assert_sent(POST, {'backup-record': record})
        self.assertEqual(self.cloud.asked[0].microversion, '3.71')

    def test_table_shows_the_backup(self) -> None:
        self.assert_prints(
            IMPORT,
            '+-------+--------------------------------------+\n'
            '| Field | Value                                |\n'
            '+-------+--------------------------------------+\n'
            f'| id    | {ID} |\n'
            '| name  | nightly                              |\n'
            '+-------+--------------------------------------+\n',
        )

    def test_json_and_value_have_the_fields_of_the_table(self) -> None:
        stdout = self.openstack(f'{IMPORT} -f json').stdout
        self.assertEqual(json.loads(stdout), {'id': ID, 'name': 'nightly'})
        self.assert_prints(f'{IMPORT} -f value -c id', f'{ID}\n')

    def test_empty_record_is_a_usage_error(self) -> None:
        result = self.openstack(
            ['volume', 'backup', 'record', 'import', 'cinder.backup.drivers.nfs', '']
        )
        self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertIn('is a shell variable unset?', result.stderr)
        self.assert_asked()


class RefusalTest(CommandTest):
    def test_existing_backup_is_reported_in_cinders_words(self) -> None:
        said = 'Invalid backup: Backup already exists in database'
        self.cloud.refuse(POST, 400, f'{said}.')
        self.assert_fails(IMPORT, f'Cannot import the record: {said}.')

    def test_missing_backup_service_is_explained(self) -> None:
        self.cloud.refuse(POST, 503, 'Service cinder-backup could not be found.')
        self.assert_fails(
            IMPORT,
            'Cannot import the record: no backup service is running, or none in its '
            'availability zone (the server said: Service cinder-backup could not be found). '
            'Ask the operator of the cloud.',
        )

    def test_failed_import_names_the_backup(self) -> None:
        record = base64.b64encode(json.dumps({'id': ID}).encode()).decode()
        for status, advice in (
            ('error', f' To delete it first: openstack volume backup delete {ID}'),
            ('available', ''),
        ):
            with self.subTest(status):
                self.use_cloud().refuse(POST, 400, 'Invalid backup: Backup already exists.')
                self.cloud.on(f'GET /backups/{ID}', {'backup': backup(status=status)})
                self.assert_fails(
                    f'volume backup record import cinder.backup.drivers.nfs {record}',
                    'Cannot import the record: Invalid backup: Backup already exists. Backup '
                    f"'nightly' ({ID}) already exists, in status {status}.{advice}",
                )
