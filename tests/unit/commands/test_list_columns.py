# SPDX-License-Identifier: Apache-2.0
import csv
import json
from typing import Any

from tests.unit.commands.listing import PROJECT, ListTest
from tests.unit.rows import ID, OTHER_ID, SNAPSHOT_ID, VOLUME_ID, backup, volume
from tests.unit.stub import OTHER_PROJECT

#: The owner of a backup, as administrators see it.
OWNED: dict[str, Any] = {PROJECT: OTHER_PROJECT, 'user_id': 'u'}


class ColumnsTest(ListTest):
    def test_table_has_the_built_in_columns(self) -> None:
        self.on_list(backup(description='all of it', is_incremental=True))
        lines = self.openstack('volume backup list').stdout.splitlines()
        self.assertEqual(
            lines[1],
            '| ID                                   | Name    | Description | Status    | Size '
            '| Incremental | Created At                 |',
        )
        self.assertEqual(
            lines[3],
            f'| {ID} | nightly | all of it   | available |    1 '
            '| True        | 2026-11-01T02:00:00.000000 |',
        )
        self.assert_asked('GET /backups/detail')

    def test_long_begins_with_the_ten_built_in_columns(self) -> None:
        self.on_list(backup())
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume()})
        lines = self.openstack('volume backup list --long').stdout.splitlines()
        self.assertTrue(
            lines[1].startswith(
                '| ID                                   | Name    | Description | Status    | Size '
                '| Incremental | Created At                 | Availability Zone | Volume '
                '| Container | '
            ),
            lines[1],
        )
        self.assertTrue(
            lines[3].startswith(
                f'| {ID} | nightly | None        | available |    1 '
                '| False       | 2026-11-01T02:00:00.000000 | nova              | data   '
                '| backups   | '
            ),
            lines[3],
        )
        self.assert_asked('GET /backups/detail', f'GET /volumes/{VOLUME_ID}')

    def test_json_has_the_types_of_the_api(self) -> None:
        self.on_list(backup(container=None))
        short = {
            'ID': ID,
            'Name': 'nightly',
            'Description': None,
            'Status': 'available',
            'Size': 1,
            'Incremental': False,
            'Created At': '2026-11-01T02:00:00.000000',
        }
        self.assertEqual(json.loads(self.openstack('volume backup list -f json').stdout), [short])
        long: dict[str, Any] = {
            **short,
            'Availability Zone': 'nova',
            'Volume': VOLUME_ID,
            'Container': None,
            'Snapshot': None,
            'Data Timestamp': '2026-11-01T02:00:00.000000',
            'Has Dependents': False,
            'Object Count': 2,
            'Properties': {},
            'Fail Reason': None,
        }
        self.assertEqual(
            json.loads(self.openstack('volume backup list --long -f json').stdout), [long]
        )

    def test_value_format_has_one_line_per_row(self) -> None:
        self.on_list(backup(), backup(OTHER_ID, status='error'))
        self.assert_prints(
            'volume backup list -f value -c ID -c Status', f'{ID} available\n{OTHER_ID} error\n'
        )

    def test_empty_list_has_the_built_in_output_in_every_format(self) -> None:
        self.on_list()
        for format_, stdout in (
            ('table', '\n'),
            ('value', ''),
            ('json', '[]\n'),
            ('yaml', '[]\n'),
            (
                'csv',
                '"ID","Name","Description","Status","Size","Incremental","Created At"\n',
            ),
        ):
            with self.subTest(format_):
                self.assert_prints(f'volume backup list -f {format_}', stdout)


class LongColumnsTest(ListTest):
    """The columns of ``--long`` after the ten built-in ones."""

    TEN = (
        *('ID', 'Name', 'Description', 'Status', 'Size', 'Incremental', 'Created At'),
        *('Availability Zone', 'Volume', 'Container'),
    )
    MORE = ('Snapshot', 'Data Timestamp', 'Has Dependents', 'Object Count')

    def columns(self, version: str = '', options: str = '') -> list[str]:
        pin = f'--os-volume-api-version {version}' if version else ''
        result = self.openstack(f'{pin} volume backup list --long -f csv {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return next(csv.reader(result.stdout.splitlines()))

    def test_long_hides_owners_from_members(self) -> None:
        self.on_list(backup())
        self.assertEqual(self.columns(), [*self.TEN, *self.MORE, 'Properties', 'Fail Reason'])

    def test_long_hides_owners_from_members_in_an_empty_list(self) -> None:
        self.on_list()
        self.assertEqual(self.columns(), [*self.TEN, *self.MORE, 'Properties', 'Fail Reason'])

    def test_long_shows_owners_to_admins(self) -> None:
        for role in ('admin', 'operator'):
            with self.subTest(role):
                self.use_cloud(roles=(role,))
                self.on_list(backup(**OWNED))
                self.assertEqual(
                    self.columns(),
                    [*self.TEN, 'Project', 'User', *self.MORE, 'Properties', 'Fail Reason'],
                )

    def test_long_leaves_out_columns_of_newer_microversions(self) -> None:
        for version, owners, properties in (
            ('3.17', (), ()),
            ('3.18', ('Project',), ()),
            ('3.42', ('Project',), ()),
            ('3.43', ('Project',), ('Properties',)),
            ('3.55', ('Project',), ('Properties',)),
            ('3.56', ('Project', 'User'), ('Properties',)),
        ):
            wanted = [*self.TEN, *owners, *self.MORE, *properties, 'Fail Reason']
            with self.subTest(version):
                self.use_cloud(roles=('admin',))
                self.on_list(backup(**OWNED))
                self.assertEqual(self.columns(version), wanted)
            with self.subTest(f'{version} is the newest'):
                self.use_cloud(roles=('admin',), maximum=version)
                self.on_list(backup(**OWNED))
                self.assertEqual(self.columns(), wanted)

    def test_long_shows_the_values_of_the_cloud(self) -> None:
        self.use_cloud(roles=('admin',))
        said: dict[str, Any] = {
            'snapshot_id': SNAPSHOT_ID,
            'has_dependent_backups': True,
            'object_count': 7,
            'metadata': {'a': '1'},
            'fail_reason': 'Full.',
        }
        self.on_list(backup(**OWNED, **said))
        (row,) = json.loads(self.openstack('volume backup list --long -f json').stdout)
        shown = [row[name] for name in ('Project', 'User', *self.MORE, 'Properties', 'Fail Reason')]
        self.assertEqual(
            shown,
            [
                *(OTHER_PROJECT, 'u', SNAPSHOT_ID, '2026-11-01T02:00:00.000000', True, 7),
                *({'a': '1'}, 'Full.'),
            ],
        )

    def test_table_formats_and_escapes_properties(self) -> None:
        self.on_list(backup(metadata={'b': 'x\x1b', 'a': '1'}))
        stdout = self.openstack('volume backup list --long -c Properties').stdout
        self.assertEqual(stdout.splitlines()[3], r"| a='1', b='x\x1b' |")

    def test_table_escapes_the_fail_reason(self) -> None:
        self.on_list(backup(fail_reason='x\x1b[2J'))
        stdout = self.openstack("volume backup list --long -c 'Fail Reason'").stdout
        self.assertEqual(stdout.splitlines()[3], r'| x\x1b[2J    |')


class ControlCharactersTest(ListTest):
    """Names come from other people."""

    raw = 'e\x1b[31mvil\u202e'

    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(name=self.raw))

    def test_table_escapes_control_characters(self) -> None:
        stdout = self.openstack('volume backup list -c Name').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_table_escapes_control_characters_in_volume_names(self) -> None:
        self.cloud.on(f'GET /volumes/{VOLUME_ID}', {'volume': volume(name=self.raw)})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_machine_formats_do_not_escape(self) -> None:
        rows = json.loads(self.openstack('volume backup list -f json').stdout)
        self.assertEqual(rows[0]['Name'], self.raw)
        lines = self.openstack('volume backup list -f csv -c Name').stdout.splitlines()
        self.assertEqual(list(csv.reader(lines)), [['Name'], [self.raw]])
        self.assert_prints('volume backup list -f value -c Name', f'{self.raw}\n')

    def test_escaped_and_plain_names_can_be_sorted(self) -> None:
        self.use_cloud()
        self.on_list(backup(name=self.raw), backup(name=None), backup(name='a'))
        stdout = self.openstack('volume backup list --sort-column Name -c Name').stdout
        names = [line.strip('| ') for line in stdout.splitlines()[3:6]]
        self.assertEqual(names, ['a', r'e\x1b[31mvil\u202e', 'None'])

    def test_letters_of_all_languages_are_not_escaped(self) -> None:
        self.use_cloud()
        self.on_list(backup(name='Sicherung für 東京'))
        self.assertIn('Sicherung für 東京', self.openstack('volume backup list -c Name').stdout)
