# SPDX-License-Identifier: Apache-2.0
import json

from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest

SERVICE = 'cinder.backup.drivers.posix.PosixBackupDriver'
RECORD = {'backup_service': SERVICE, 'backup_url': 'eyJpZCI6ICIxIn0='}
EXPORT = f'volume backup record export {ID}'


class ExportTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [backup()]})
        self.cloud.on(f'GET /backups/{ID}/export_record', {'backup-record': RECORD})

    def test_table_has_headers(self) -> None:
        self.assert_prints(
            EXPORT,
            '+----------------+-----------------------------------------------+\n'
            '| Field          | Value                                         |\n'
            '+----------------+-----------------------------------------------+\n'
            f'| Backup Service | {SERVICE} |\n'
            '| Metadata       | eyJpZCI6ICIxIn0=                              |\n'
            '+----------------+-----------------------------------------------+\n',
        )
        self.assert_asked(f'GET /backups/{ID}', f'GET /backups/{ID}/export_record')

    def test_machine_formats_have_the_names_of_the_api(self) -> None:
        self.assertEqual(json.loads(self.openstack(f'{EXPORT} -f json').stdout), RECORD)
        self.assert_prints(
            f'{EXPORT} -f shell',
            f'backup_service="{SERVICE}"\nbackup_url="{RECORD["backup_url"]}"\n',
        )
        self.assert_prints(f'{EXPORT} -f value', f'{SERVICE}\n{RECORD["backup_url"]}\n')
        self.assert_prints(f'{EXPORT} -f value -c backup_url', f'{RECORD["backup_url"]}\n')

    def test_backup_is_found_by_name(self) -> None:
        stdout = self.openstack('volume backup record export nightly -f value').stdout
        self.assertEqual(stdout, f'{SERVICE}\n{RECORD["backup_url"]}\n')


class RefusalTest(CommandTest):
    def test_export_is_refused_for_members(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        self.cloud.refuse(f'GET /backups/{ID}/export_record', 403, 'Policy forbids it.')
        self.assert_fails(
            EXPORT,
            f"Cannot export the record of backup 'nightly' ({ID}): your roles in this project do "
            'not allow it (the server said: Policy forbids it).',
        )
