# SPDX-License-Identifier: Apache-2.0
"""Lists with filters, orders and limits: the same on every cloud, old or new."""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from backupext.core import releases
from tests.functional.base import FunctionalTest, make_project
from tests.releases import installed
from tests.sandbox import Sandbox

# Cinder checks filters from 3.31 on, takes inexact ones from 3.34, sorts by name from 3.37.
VERSIONS = ('3.0', '3.33', '3.34', '3.37', '3.45', '3.71')
TOTALS = ['--max-items', *(['--limit'] if releases.LIMIT_PER_PAGE.applies(installed()) else [])]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class ListingTest(FunctionalTest):
    """A project with a history, made of rows in Cinder's database."""

    rows: list[dict[str, Any]]

    def check_cloud(self, version: str) -> None:
        with Sandbox.start(max_microversion=version) as box:
            type(self).box = box
            type(self).project = make_project(box)
            self.fill()
            for options in self.options():
                with self.subTest(version=version, options=options):
                    self.assertEqual(self.listed(options), self.expected(options))

    @classmethod
    def setUpClass(cls) -> None:
        """Start nothing: each test has a cloud of its own."""

    def fill(self) -> None:
        """Create backups of two volumes with some names twice; delete one volume."""
        first, second = self.make_volume('first'), self.make_volume('second')
        model = self.make_backup(first)
        self.rows = []
        for number in range(12):
            volume = first if number % 3 else second
            self.rows.append(self.copy(model, number, volume))
        self.sql('UPDATE backups SET deleted = 1 WHERE id = ?', model)
        self.sql('UPDATE volumes SET deleted = 1 WHERE id = ?', second)
        self.first, self.second = first, second

    def copy(self, model: str, number: int, volume: str) -> dict[str, Any]:
        """Copy a row of the database, with changes in columns that lists use."""
        created = (START + timedelta(days=number)).strftime('%Y-%m-%d %H:%M:%S.%f')
        changes = {
            'id': f'00000000-0000-4000-8000-{number:012}',
            'display_name': f'name-{number % 5}',
            'display_description': None if number % 4 else f'text-{number % 3}',
            'status': ('available', 'error', 'creating')[number % 3],
            'size': number % 4 + 1,
            'volume_id': volume,
            'snapshot_id': f'10000000-0000-4000-8000-{number % 2:012}' if number % 3 == 1 else None,
            'parent_id': model if number % 2 else None,
            'created_at': created,
            'data_timestamp': created,
        }
        columns = [row[1] for row in self.sql('PRAGMA table_info(backups)')]
        values = [f':{column}' if column in changes else column for column in columns]
        statement = (
            f'INSERT INTO backups ({", ".join(columns)}) '
            f'SELECT {", ".join(values)} FROM backups WHERE id = :model'
        )
        self.sql_named(statement, {**changes, 'model': model})
        return changes

    def options(self) -> list[dict[str, str]]:
        """Combine filters with orders and limits, each pair of them."""
        filters: list[dict[str, str]] = [
            {},
            {'--name': 'name-1'},
            {'--status': 'error'},
            {'--volume': self.second},
            {'--snapshot': f'10000000-0000-4000-8000-{0:012}'},
            {'--full': ''},
            {'--incremental': '', '--status': 'available'},
            {'--since': '2026-01-05'},
            {'--before': '2026-01-05T00:00:01', '--incremental': ''},
        ]
        orders: list[dict[str, str]] = [
            {},
            {'--sort': 'name:asc,created_at'},
            {'--sort': 'is_incremental,size:asc,id:asc'},
            {'--sort': 'description:asc,created_at:asc'},
        ]
        parts: list[dict[str, str]] = [{}, {'--max-items': '2'}, {'--limit': '2'}]
        marker = {'--marker': f'00000000-0000-4000-8000-{6:012}', '--max-items': '3'}
        combined = [{**a, **b, **c} for a, b, c in itertools.product(filters, orders, parts)]
        return [*combined, *({**order, **marker} for order in orders)]

    def listed(self, options: dict[str, str]) -> list[str]:
        words = ' '.join(f'{name} {value}' for name, value in options.items())
        return [row['ID'] for row in json.loads(self.backup(f'list {words} -f json'))]

    def expected(self, options: dict[str, str]) -> list[str]:
        """Return the expected rows of a list, computed in the simplest way."""
        rows = sorted(self.rows, key=lambda row: row['created_at'], reverse=True)
        rows = [row for row in rows if self.is_wanted(row, options)]
        for key in reversed(options.get('--sort', '').split(',')):
            rows = self.sorted_by(rows, key) if key else rows
        ids = [row['id'] for row in rows]
        if '--marker' in options:
            ids = ids[ids.index(options['--marker']) + 1 :]
        return ids[: min(int(options.get(name, len(ids))) for name in TOTALS)]

    def is_wanted(self, row: dict[str, Any], options: dict[str, str]) -> bool:
        created = row['created_at'].replace(' ', 'T')
        tests: dict[str, Callable[[str], bool]] = {
            '--name': lambda value: row['display_name'] == value,
            '--status': lambda value: row['status'] == value,
            '--volume': lambda value: row['volume_id'] == value,
            '--snapshot': lambda value: row['snapshot_id'] == value,
            '--full': lambda _: row['parent_id'] is None,
            '--incremental': lambda _: row['parent_id'] is not None,
            '--since': lambda value: created >= value,
            '--before': lambda value: created < value,
        }
        return all(tests[name](value) for name, value in options.items() if name in tests)

    def sorted_by(self, rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        attribute, _, direction = key.partition(':')
        columns = {'name': 'display_name', 'description': 'display_description'}
        if attribute == 'is_incremental':
            return sorted(rows, key=lambda row: row['parent_id'] is None)
        column = columns.get(attribute, attribute)
        known = [row for row in rows if row[column] is not None]
        known.sort(key=lambda row: row[column], reverse=direction != 'asc')
        return known + [row for row in rows if row[column] is None]


def _test(version: str) -> Callable[[ListingTest], None]:
    return lambda self: self.check_cloud(version)


def _add_tests() -> None:
    for version in VERSIONS:
        name = f'test_a_cloud_at_{version.replace(".", "_")}'
        setattr(ListingTest, name, _test(version))


_add_tests()


class SummaryTest(FunctionalTest):
    """Counts of a project's backups."""

    def test_summary_counts_by_volume_status_and_kind(self) -> None:
        busy, idle = self.make_volume('busy'), self.make_volume('idle')
        self.make_backup(busy)
        self.make_backup(busy, incremental=True)
        self.make_backup(busy, incremental=True)
        rows = json.loads(self.backup('summary -f json'))
        counted = {(row['Volume'], row['Kind']): (row['Backups'], row['Size']) for row in rows}
        ours = {key: value for key, value in counted.items() if key[0] in {busy, idle}}
        self.assertEqual(
            ours, {(busy, 'full'): (1, 1), (busy, 'incremental'): (2, 2), (idle, None): (0, 0)}
        )

    def test_administrator_counts_in_other_projects(self) -> None:
        volume = self.make_volume()
        self.make_backup(volume)
        for scope in (f'--project {self.project.id}', '--all-projects'):
            rows = json.loads(self.openstack(f'volume backup summary {scope} -f json', self.admin))
            self.assertIn(volume, [row['Volume'] for row in rows if row['Backups']])
