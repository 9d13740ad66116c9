# SPDX-License-Identifier: Apache-2.0
import csv
import json
from typing import Any

from tests.unit.rows import ID, OTHER_ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

PROJECT = 'os-backup-project-attr:project_id'
LIST = 'volume backup list -f value -c ID'
MORE = [{'rel': 'next', 'href': 'http://elsewhere.test/v3/backups/detail?marker=ignored'}]
NOT_ALL = (
    "Only an administrator can list the backups of all projects; these are your own project's."
)
NOT_OTHERS = "Only an administrator can list another project's backups."


class ListTest(CommandTest):
    """A list of which some rows, or none, are there."""

    def on_list(self, *rows: dict[str, Any], query: str = '', more: bool = False) -> None:
        answer = {'backups': list(rows), **({'backups_links': MORE} if more else {})}
        self.cloud.on(f'GET /backups/detail{query}', answer)

    def assert_lists(self, options: str, query: str) -> None:
        self.on_list(backup(), query=query)
        self.assert_prints(f'{LIST} {options}', f'{ID}\n')
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/detail{query}')


class ColumnsTest(ListTest):
    def test_a_table_has_oscs_columns(self) -> None:
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

    def test_long_adds_three(self) -> None:
        self.on_list(backup())
        self.cloud.on('GET /volumes', {'volumes': [{'id': VOLUME_ID, 'name': 'data'}]})
        lines = self.openstack('volume backup list --long').stdout.splitlines()
        self.assertEqual(
            lines[1],
            '| ID                                   | Name    | Description | Status    | Size '
            '| Incremental | Created At                 | Availability Zone | Volume | Container |',
        )
        self.assertEqual(
            lines[3],
            f'| {ID} | nightly | None        | available |    1 '
            '| False       | 2026-11-01T02:00:00.000000 | nova              | data   | backups   |',
        )
        self.assert_asked('GET /backups/detail', 'GET /volumes')

    def test_json_has_the_same_columns_with_the_types_of_the_api(self) -> None:
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
        long = {**short, 'Availability Zone': 'nova', 'Volume': VOLUME_ID, 'Container': None}
        self.assertEqual(
            json.loads(self.openstack('volume backup list --long -f json').stdout), [long]
        )

    def test_values_are_a_line_a_row(self) -> None:
        self.on_list(backup(), backup(OTHER_ID, status='error'))
        self.assert_prints(
            'volume backup list -f value -c ID -c Status', f'{ID} available\n{OTHER_ID} error\n'
        )

    def test_an_empty_list_is_printed_in_every_format_as_osc_does(self) -> None:
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


class VolumeNamesTest(ListTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(), backup(OTHER_ID, volume_id=OTHER_VOLUME_ID))

    def test_machines_get_the_id_and_nobody_asks_for_names(self) -> None:
        for format_ in ('json', 'value', 'csv', 'yaml'):
            with self.subTest(format_):
                self.cloud.asked.clear()
                result = self.openstack(f'volume backup list --long -f {format_}')
                self.assertIn(VOLUME_ID, result.stdout)
                self.assert_asked('GET /backups/detail')

    def test_nobody_asks_for_names_that_no_column_shows(self) -> None:
        self.assertEqual(self.openstack('volume backup list --long -c ID -c Name').status, 0)
        self.assert_asked('GET /backups/detail')

    def test_a_volume_without_a_name_or_not_among_the_own_has_its_id(self) -> None:
        self.cloud.on('GET /volumes', {'volumes': [{'id': VOLUME_ID, 'name': ''}]})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3:5], [f'| {VOLUME_ID} |', f'| {OTHER_VOLUME_ID} |'])

    def test_names_are_read_as_far_as_they_are_needed(self) -> None:
        first = [{'id': VOLUME_ID, 'name': 'one'}, {'id': OTHER_VOLUME_ID, 'name': 'two'}]
        self.cloud.on('GET /volumes', {'volumes': first, 'volumes_links': MORE})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3:5], ['| one    |', '| two    |'])
        self.assert_asked('GET /backups/detail', 'GET /volumes')

    def test_names_on_a_later_page_are_found(self) -> None:
        self.cloud.on(
            'GET /volumes',
            {'volumes': [{'id': VOLUME_ID, 'name': 'one'}], 'volumes_links': MORE},
        )
        second = [{'id': OTHER_VOLUME_ID, 'name': 'two'}]
        self.cloud.on(f'GET /volumes?marker={VOLUME_ID}', {'volumes': second})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3:5], ['| one    |', '| two    |'])

    def test_names_that_cannot_be_read_do_not_keep_the_list_from_being_printed(self) -> None:
        self.cloud.refuse('GET /volumes', 403, 'Policy forbids it.')
        result = self.openstack('volume backup list --long -c Volume')
        self.assertEqual(result.status, 0)
        self.assertEqual(
            result.stdout.splitlines()[3:5], [f'| {VOLUME_ID} |', f'| {OTHER_VOLUME_ID} |']
        )

    def test_rows_are_sorted_by_the_id_of_their_volume_as_osc_sorts_them(self) -> None:
        names = [{'id': VOLUME_ID, 'name': 'a'}, {'id': OTHER_VOLUME_ID, 'name': 'b'}]
        self.cloud.on('GET /volumes', {'volumes': names})
        stdout = self.openstack(
            'volume backup list --long -c Volume --sort-column Volume --sort-descending'
        ).stdout
        self.assertEqual(stdout.splitlines()[3:5], ['| b      |', '| a      |'])


class PagesTest(ListTest):
    def test_a_next_link_is_followed_by_the_last_id(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID), query=f'?marker={ID}')
        self.assert_prints(LIST, f'{ID}\n{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_a_cloud_that_ignores_the_marker_does_not_keep_us_forever(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(), query=f'?marker={ID}', more=True)
        self.assertEqual(self.openstack(LIST).status, 0)
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_an_empty_page_is_the_last(self) -> None:
        self.on_list(more=True)
        self.assert_prints(LIST, '')
        self.assert_asked('GET /backups/detail')

    def test_a_limit_is_the_size_of_a_page(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --limit 1', f'{ID}\n{OTHER_ID}\n')

    def test_max_items_below_a_page_asks_for_no_more(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')
        self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_wins_over_a_larger_limit(self) -> None:
        self.assert_lists('--max-items 1 --limit 5', '?limit=1')

    def test_max_items_above_a_page_cuts_the_last_one(self) -> None:
        third = '11111111-aaaa-4bbb-8ccc-000000000003'
        self.on_list(backup(), backup(OTHER_ID), query='?limit=2', more=True)
        rows = [backup(third), backup('11111111-aaaa-4bbb-8ccc-000000000004')]
        self.on_list(*rows, query=f'?limit=2&marker={OTHER_ID}', more=True)
        self.assert_prints(f'{LIST} --limit 2 --max-items 3', f'{ID}\n{OTHER_ID}\n{third}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_is_heeded_where_the_cloud_gives_more(self) -> None:
        self.on_list(backup(), backup(OTHER_ID), query='?limit=1')
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')

    def test_none_wanted_none_asked_for(self) -> None:
        for options in ('--max-items 0', '--limit 0', '--limit 0 --max-items 5'):
            with self.subTest(options):
                self.assert_prints(f'{LIST} {options}', '')
                self.assert_asked()

    def test_a_negative_number_is_a_usage_error(self) -> None:
        for option in ('--limit', '--max-items'):
            with self.subTest(option):
                self.assert_misused(
                    f'{LIST} {option} -1',
                    f'argument {option}: {option} expected a non-negative integer',
                )

    def test_a_marker_by_id_costs_no_look(self) -> None:
        self.assert_lists(f'--marker {OTHER_ID}', f'?marker={OTHER_ID}')
        self.assert_asked(f'GET /backups/detail?marker={OTHER_ID}')

    def test_a_marker_by_name_is_looked_up(self) -> None:
        self.on_list(backup(OTHER_ID, name='web'), query='?name=web')
        self.assert_lists('--marker web', f'?marker={OTHER_ID}')

    def test_a_failure_on_a_later_page_is_told(self) -> None:
        self.on_list(backup(), more=True)
        self.cloud.refuse(f'GET /backups/detail?marker={ID}', 503, 'Busy.')
        self.assert_fails(
            'volume backup list -f json',
            'Cannot list backups: the service is not available; try again later '
            '(the server said: Busy).',
        )


class FiltersTest(ListTest):
    def test_filters_are_the_clouds_business(self) -> None:
        self.assert_lists('--name web', '?name=web')
        self.assert_lists('--status error', '?status=error')
        self.assert_lists('--name web --status error', '?name=web&status=error')

    def test_every_status_that_a_backup_can_have_is_accepted(self) -> None:
        for status in (
            'creating',
            'available',
            'deleting',
            'error',
            'restoring',
            'error_deleting',
            'error_restoring',
        ):
            with self.subTest(status):
                self.assert_lists(f'--status {status}', f'?status={status}')

    def test_an_id_of_a_volume_is_taken_at_its_word_under_every_name_of_the_option(self) -> None:
        for option in ('--volume', '--volume-id', '--vol', '--volu', '--volum'):
            with self.subTest(option):
                self.cloud.asked.clear()
                self.assert_lists(f'{option} {VOLUME_ID}', f'?volume_id={VOLUME_ID}')
                self.assert_asked(f'GET /backups/detail?volume_id={VOLUME_ID}')

    def test_a_name_of_a_volume_costs_one_request(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assert_lists('--volume data', f'?volume_id={VOLUME_ID}')
        self.assert_asked(
            'GET /volumes/detail?name=data', f'GET /backups/detail?volume_id={VOLUME_ID}'
        )

    def test_an_unknown_volume_is_no_empty_list(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': []})
        self.assert_fails(
            f'{LIST} --volume data',
            "No volume has the name or ID 'data'. To list the backups of a deleted volume give "
            'its ID.',
        )

    def test_an_ambiguous_volume_is_refused(self) -> None:
        rows = [volume(), volume(OTHER_VOLUME_ID)]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})
        result = self.openstack(f'{LIST} --volume data')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(VOLUME_ID, result.stderr)
        self.assertIn(OTHER_VOLUME_ID, result.stderr)
        self.assert_asked('GET /volumes/detail?name=data')


class MemberTest(ListTest):
    """A list beyond the own project, for somebody whom Cinder shows none."""

    def test_all_projects_warns(self) -> None:
        for options in ('--all-projects', '--all'):
            with self.subTest(options):
                self.on_list(backup(), query='?all_tenants=1')
                self.assert_prints(f'{LIST} {options}', f'{ID}\n', NOT_ALL)

    def test_all_projects_warns_of_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '', NOT_ALL)

    def test_the_own_project_needs_no_question(self) -> None:
        for project in ('own', OWN_PROJECT):
            with self.subTest(project):
                self.cloud.identity.clear()
                self.assert_lists(f'--project {project}', '')
                self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_another_project_is_refused(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(), query=query)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_where_the_cloud_checks_filters(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        said = 'Invalid filters project_id are found in query options.'
        self.cloud.refuse(f'GET /backups/detail{query}', 400, said)
        self.assert_fails(f'{LIST} --project {OTHER_PROJECT}', NOT_OTHERS)

    def test_another_project_is_refused_where_the_version_cannot_show_whose_it_is(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.17 {LIST} --project {OTHER_PROJECT}', NOT_OTHERS
        )
        self.assert_asked('GET ')

    def test_a_volume_is_looked_up_in_the_own_project(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.on_list(query=f'?all_tenants=1&volume_id={VOLUME_ID}')
        self.assert_prints(f'{LIST} --all-projects --volume data', '', NOT_ALL)


class AdminTest(ListTest):
    def setUp(self) -> None:
        self.use_cloud(roles=('admin', 'member'))

    def test_all_projects_does_not_warn(self) -> None:
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_all_projects_does_not_warn_of_an_empty_list(self) -> None:
        self.on_list(query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', '')

    def test_all_projects_does_not_warn_where_the_version_cannot_show_whose_they_are(self) -> None:
        self.on_list(backup(), query='?all_tenants=1')
        self.assert_prints(f'--os-volume-api-version 3.17 {LIST} --all-projects', f'{ID}\n')

    def test_a_role_of_another_name_that_sees_them_does_not_warn(self) -> None:
        self.use_cloud(roles=('operator',))
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query='?all_tenants=1')
        self.assert_prints(f'{LIST} --all-projects', f'{ID}\n')

    def test_an_id_of_a_project_needs_no_question(self) -> None:
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project {OTHER_PROJECT}', f'{ID}\n')
        self.assertEqual(self.cloud.identity, ['GET ', 'POST /auth/tokens'])

    def test_a_name_of_a_project_is_asked_of_keystone(self) -> None:
        self.cloud.projects = [{'id': OTHER_PROJECT, 'name': 'other'}]
        query = f'?all_tenants=1&project_id={OTHER_PROJECT}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --project other', f'{ID}\n')
        self.assertEqual(self.cloud.identity[-1], 'GET /projects?name=other')

    def test_an_unknown_project_is_refused(self) -> None:
        self.assert_fails(f'{LIST} --project other', "No project is called 'other'.")
        self.assert_asked()

    def test_an_ambiguous_project_is_refused(self) -> None:
        ids = (OTHER_PROJECT, OWN_PROJECT)
        self.cloud.projects = [{'id': id_, 'name': 'other'} for id_ in ids]
        self.assert_fails(
            f'{LIST} --project other',
            f"2 projects are called 'other': give an ID ({OTHER_PROJECT}, {OWN_PROJECT}).",
        )
        self.assert_asked()

    def test_a_volume_is_looked_up_where_the_list_looks(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data&all_tenants=1', {'volumes': [volume()]})
        query = f'?all_tenants=1&volume_id={VOLUME_ID}'
        self.on_list(backup(**{PROJECT: OTHER_PROJECT}), query=query)
        self.assert_prints(f'{LIST} --all-projects --volume data', f'{ID}\n')


class ControlCharactersTest(ListTest):
    """Names come from other people."""

    raw = 'e\x1b[31mvil\u202e'

    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(name=self.raw))

    def test_a_table_escapes_them(self) -> None:
        stdout = self.openstack('volume backup list -c Name').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_a_table_escapes_them_in_a_volumes_name(self) -> None:
        self.cloud.on('GET /volumes', {'volumes': [{'id': VOLUME_ID, 'name': self.raw}]})
        stdout = self.openstack('volume backup list --long -c Volume').stdout
        self.assertEqual(stdout.splitlines()[3], r'| e\x1b[31mvil\u202e |')

    def test_json_and_csv_and_value_have_them_as_they_came(self) -> None:
        rows = json.loads(self.openstack('volume backup list -f json').stdout)
        self.assertEqual(rows[0]['Name'], self.raw)
        lines = self.openstack('volume backup list -f csv -c Name').stdout.splitlines()
        self.assertEqual(list(csv.reader(lines)), [['Name'], [self.raw]])
        self.assert_prints('volume backup list -f value -c Name', f'{self.raw}\n')

    def test_rows_can_be_sorted_with_and_without_them(self) -> None:
        self.use_cloud()
        self.on_list(backup(name=self.raw), backup(name=None), backup(name='a'))
        stdout = self.openstack('volume backup list --sort-column Name -c Name').stdout
        names = [line.strip('| ') for line in stdout.splitlines()[3:6]]
        self.assertEqual(names, ['a', r'e\x1b[31mvil\u202e', 'None'])

    def test_letters_of_any_language_are_left_alone(self) -> None:
        self.use_cloud()
        self.on_list(backup(name='Sicherung für 東京'))
        self.assertIn('Sicherung für 東京', self.openstack('volume backup list -c Name').stdout)
