# SPDX-License-Identifier: Apache-2.0
import json

from backupext.core import releases
from tests.releases import installed
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup
from tests.unit.shell import CommandTest
from tests.unit.stub import OTHER_PROJECT

SHOW = f'volume backup show {ID}'


class ShowTest(CommandTest):
    def test_table_has_every_field(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(metadata={'keep': 'yes'})})
        self.assert_prints(
            SHOW,
            '+-----------------------+--------------------------------------+\n'
            '| Field                 | Value                                |\n'
            '+-----------------------+--------------------------------------+\n'
            '| availability_zone     | nova                                 |\n'
            '| container             | backups                              |\n'
            '| created_at            | 2026-11-01T02:00:00.000000           |\n'
            '| data_timestamp        | 2026-11-01T02:00:00.000000           |\n'
            '| description           | None                                 |\n'
            '| encryption_key_id     | None                                 |\n'
            '| fail_reason           | None                                 |\n'
            '| has_dependent_backups | False                                |\n'
            f'| id                    | {ID} |\n'
            '| is_incremental        | False                                |\n'
            "| metadata              | {'keep': 'yes'}                      |\n"
            '| name                  | nightly                              |\n'
            '| object_count          | 2                                    |\n'
            '| project_id            | None                                 |\n'
            '| size                  | 1                                    |\n'
            '| snapshot_id           | None                                 |\n'
            '| status                | available                            |\n'
            '| updated_at            | 2026-11-01T02:00:09.000000           |\n'
            '| user_id               | None                                 |\n'
            f'| volume_id             | {VOLUME_ID} |\n'
            '+-----------------------+--------------------------------------+\n',
        )
        self.assert_asked(f'GET /backups/{ID}')

    def test_json_has_the_types_of_the_api(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(metadata={'keep': 'yes'}, size=7)})
        shown = json.loads(self.openstack(f'{SHOW} -f json').stdout)
        self.assertEqual(len(shown), 20)
        self.assertEqual(shown['metadata'], {'keep': 'yes'})
        self.assertEqual((shown['size'], shown['is_incremental']), (7, False))
        self.assertIsNone(shown['snapshot_id'])

    def test_backup_found_by_name_has_the_same_fields(self) -> None:
        row = backup(metadata={'keep': 'yes'}, encryption_key_id='key')
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [row]})
        by_name = self.openstack('volume backup show nightly')
        self.assertEqual(by_name, self.openstack(SHOW))

    def test_administrators_see_the_owner(self) -> None:
        row = backup(**{'os-backup-project-attr:project_id': OTHER_PROJECT}, user_id='u')
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [row]})
        for reference in (ID, 'nightly'):
            with self.subTest(reference):
                self.assert_prints(
                    f'volume backup show {reference} -f value -c project_id -c user_id',
                    f'{OTHER_PROJECT}\nu\n',
                )

    def test_fields_of_newer_microversions_are_none(self) -> None:
        row = backup()
        del row['metadata']
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})
        self.assert_prints(
            f'--os-volume-api-version 3.1 {SHOW} -f value -c metadata -c project_id', 'None\nNone\n'
        )

    def test_oldest_microversion_can_be_pinned(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        result = self.openstack(f'--os-volume-api-version 3.0 {SHOW} -f value -c id')
        self.assertEqual((result.status, result.stdout), (0, f'{ID}\n'))
        warned = 'version 3.0 is not in supported versions' in result.stderr
        self.assertEqual(warned, releases.VERSION_3_0.applies(installed()))
        self.assertEqual(bool(result.stderr), warned)

    def test_control_characters_are_escaped_for_people_only(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(name='a\x1b[2Jb', metadata={})})
        self.assertIn(r'| a\x1b[2Jb ', self.openstack(SHOW).stdout)
        self.assertEqual(json.loads(self.openstack(f'{SHOW} -f json').stdout)['name'], 'a\x1b[2Jb')
        self.assert_prints(f'{SHOW} -f value -c name', 'a\x1b[2Jb\n')


class ScopeTest(CommandTest):
    def test_administrator_finds_a_name_in_all_projects(self) -> None:
        self.use_cloud(roles=('admin',))
        self.cloud.on('GET /backups/detail?name=nightly&all_tenants=1', {'backups': [backup()]})
        self.assert_prints('volume backup show nightly --all-projects -f value -c id', f'{ID}\n')

    def test_administrator_finds_a_name_in_one_project(self) -> None:
        self.use_cloud(roles=('admin',))
        query = f'name=nightly&all_tenants=1&project_id={OTHER_PROJECT}'
        self.cloud.on(f'GET /backups/detail?{query}', {'backups': [backup()]})
        self.assert_prints(
            f'volume backup show nightly --project {OTHER_PROJECT} -f value -c id', f'{ID}\n'
        )

    def test_name_used_in_several_projects_is_refused(self) -> None:
        self.use_cloud(roles=('admin',))
        rows = [backup(), backup(OTHER_ID)]
        self.cloud.on('GET /backups/detail?name=nightly&all_tenants=1', {'backups': rows})
        result = self.openstack('volume backup show nightly --all-projects')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn("2 backups have the name 'nightly'", result.stderr)
