# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

from tests.unit.rows import ID, OTHER_ID, OTHER_VOLUME_ID, VOLUME_ID, backup
from tests.unit.shell import CommandTest
from tests.unit.stub import OTHER_PROJECT

SUMMARY = 'volume backup summary'
LISTS = ('GET /backups/detail', 'GET /volumes')
PROJECT = 'os-backup-project-attr:project_id'
THIRD = '11111111-aaaa-4bbb-8ccc-000000000003'
EARLY = '2026-11-01T02:00:00.000000'
LATE = '2026-11-09T02:00:00.000000'


class SummaryTest(CommandTest):
    def on_both(self, *rows: dict[str, Any], query: str = '', **names: str | None) -> None:
        """Prepare these backups, and volumes with these names."""
        ids = {'data': VOLUME_ID, 'spare': OTHER_VOLUME_ID}
        volumes = [{'id': ids[key], 'name': name} for key, name in names.items()]
        self.cloud.on(f'GET /backups/detail{query}', {'backups': list(rows)})
        self.cloud.on(f'GET /volumes{query}', {'volumes': volumes})

    def rows(self, options: str = '') -> list[dict[str, Any]]:
        result = self.openstack(f'{SUMMARY} -f json {options}')
        self.assertEqual((result.status, result.stderr), (0, ''))
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        return rows


class CountTest(SummaryTest):
    def test_backups_are_counted_by_volume_status_and_kind(self) -> None:
        self.on_both(
            backup(ID, size=1, created_at=LATE),
            backup(OTHER_ID, size=2, created_at=EARLY),
            backup(THIRD, size=4, is_incremental=True, status='error', created_at=LATE),
            data='data',
        )
        shared = {'Volume': VOLUME_ID, 'Newest': LATE}
        self.assertEqual(
            self.rows(),
            [
                {
                    **shared,
                    'Status': 'available',
                    'Kind': 'full',
                    'Backups': 2,
                    'Size': 3,
                    'Oldest': EARLY,
                },
                {
                    **shared,
                    'Status': 'error',
                    'Kind': 'incremental',
                    'Backups': 1,
                    'Size': 4,
                    'Oldest': LATE,
                },
            ],
        )

    def test_summary_reads_one_list_of_backups_and_one_of_volumes(self) -> None:
        self.on_both(backup(), backup(OTHER_ID, volume_id=OTHER_VOLUME_ID), data='a', spare='b')
        for format_ in ('json', 'table'):
            with self.subTest(format_):
                self.cloud.asked.clear()
                self.assertEqual(self.openstack(f'{SUMMARY} -f {format_}').status, 0)
                self.assert_asked(*LISTS)

    def test_volume_without_backups_is_listed(self) -> None:
        self.on_both(backup(), data='data', spare='spare')
        self.assertEqual(
            self.rows()[1],
            {
                'Volume': OTHER_VOLUME_ID,
                'Status': None,
                'Kind': None,
                'Backups': 0,
                'Size': 0,
                'Oldest': None,
                'Newest': None,
            },
        )

    def test_table_is_sorted_by_volume_name(self) -> None:
        self.on_both(backup(), data='z\x1b', spare='a')
        lines = self.openstack(f'{SUMMARY} -c Volume -c Backups').stdout.splitlines()
        self.assertEqual(lines[3:5], ['| a      |       0 |', r'| z\x1b  |       1 |'])

    def test_deleted_volume_is_listed_by_id(self) -> None:
        self.on_both(backup(), spare='spare')
        lines = self.openstack(f'{SUMMARY} -c Volume').stdout.splitlines()
        self.assertEqual([each.strip('| ') for each in lines[3:5]], [VOLUME_ID, 'spare'])

    def test_empty_project_has_no_rows(self) -> None:
        self.on_both()
        self.assertEqual(self.rows(), [])

    def test_all_pages_of_both_lists_are_read(self) -> None:
        link = {'rel': 'next', 'href': 'http://elsewhere.test/'}
        page = {'backups': [backup()], 'backups_links': [link]}
        self.cloud.on('GET /backups/detail', page)
        self.cloud.on(f'GET /backups/detail?marker={ID}', {'backups': [backup(OTHER_ID)]})
        first = {'volumes': [{'id': VOLUME_ID, 'name': 'data'}], 'volumes_links': [link]}
        self.cloud.on('GET /volumes', first)
        second = {'volumes': [{'id': OTHER_VOLUME_ID, 'name': 'spare'}]}
        self.cloud.on(f'GET /volumes?marker={VOLUME_ID}', second)
        self.assertEqual(
            [(row['Volume'], row['Backups']) for row in self.rows()],
            [(VOLUME_ID, 2), (OTHER_VOLUME_ID, 0)],
        )

    def test_failure_to_list_volumes_is_reported(self) -> None:
        self.cloud.on('GET /backups/detail', {'backups': [backup()]})
        self.cloud.refuse('GET /volumes', 403, 'Policy forbids it.')
        result = self.openstack(SUMMARY)
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('Cannot list volumes: ', result.stderr)


class ScopeTest(SummaryTest):
    def test_administrator_counts_other_projects(self) -> None:
        for options, query in (
            ('--all-projects', '?all_tenants=1'),
            (f'--project {OTHER_PROJECT}', f'?all_tenants=1&project_id={OTHER_PROJECT}'),
        ):
            with self.subTest(options):
                self.use_cloud(roles=('admin',))
                self.on_both(backup(**{PROJECT: OTHER_PROJECT}), query=query, data='data')
                (row,) = self.rows(options)
                self.assertEqual((row['Volume'], row['Backups']), (VOLUME_ID, 1))
                self.assert_asked(*(f'{each}{query}' for each in LISTS))

    def test_all_projects_warns_members(self) -> None:
        self.on_both(backup(), query='?all_tenants=1', data='data')
        self.assert_prints(
            f'{SUMMARY} --all-projects -f value -c Backups',
            '1\n',
            'Only an administrator can list the backups of all projects. Showing only your '
            'project.',
        )

    def test_another_project_is_refused_for_members(self) -> None:
        self.on_both(backup(), query=f'?all_tenants=1&project_id={OTHER_PROJECT}')
        self.assert_fails(
            f'{SUMMARY} --project {OTHER_PROJECT}',
            "Only an administrator can list another project's backups.",
        )
