# SPDX-License-Identifier: Apache-2.0
import csv
import re
import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from backupext.cli import keep
from backupext.core import retention
from backupext.core.models import Backup
from tests.restructuredtext import section
from tests.unit.project import inventory
from tests.unit.project.pages import command_lines, read
from tests.unit.project.typed import command_of, parsers


class ExampleTest(unittest.TestCase):
    """The worked example of retention: a table of backups, and the plan of one command."""

    NOW = datetime(2026, 11, 23, 18, tzinfo=timezone.utc)
    TAKES = timedelta(minutes=5)

    def section(self) -> str:
        return section(read('user', 'retention.rst'), 'Work through an example')

    def table(self) -> list[dict[str, str]]:
        (header,) = re.findall(r'^   :header: (.*)$', self.section(), re.MULTILINE)
        rows = re.findall(r'^   (".*")$', self.section(), re.MULTILINE)
        return list(csv.DictReader([header, *rows], skipinitialspace=True))

    def backups(self) -> list[Backup]:
        """Return the backups as the API shows them; the end of a child updated its parent."""
        table = self.table()
        rows = {row['Name']: self.backup(row) for row in table}
        for row in reversed(table):
            if row['Parent']:
                finished = rows[row['Name']].updated_at
                rows[row['Parent']] = replace(rows[row['Parent']], updated_at=finished)
        return list(rows.values())

    def backup(self, row: dict[str, str]) -> Backup:
        created = datetime.fromisoformat(row['Created'])
        return Backup(
            id=row['Name'],
            name=row['Name'],
            status=row['Status'],
            volume_id='ledger',
            is_incremental=row['Kind'] == 'incremental',
            created_at=created.isoformat(),
            data_timestamp=created.isoformat(),
            updated_at=(created + self.TAKES).isoformat(),
            metadata=dict(part.split('=') for part in row['Properties'].split()),
        )

    def decisions(self) -> list[retention.Decision]:
        (arguments,) = command_lines(self.section())
        parsed = parsers()[command_of(arguments)].parse_args(arguments[1:])
        return retention.plan(self.backups(), keep.policy(parsed), self.NOW, parsed.timezone)

    def test_worked_example_matches_the_plan(self) -> None:
        said = [(row['Name'], row['Decision'], row['Reasons']) for row in self.table()]
        planned = [
            (each.backup.name, each.action.value, ', '.join(each.reasons))
            for each in self.decisions()
        ]
        self.assertEqual(planned, said)

    def test_it_shows_each_decision(self) -> None:
        shown = {row['Decision'] for row in self.table()}
        self.assertEqual(shown, {action.value for action in retention.Action})

    def test_each_promise_names_tests_that_exist(self) -> None:
        text = read('contributor', 'promises.rst')
        paths = re.findall(r'``(tests/\S+\.py)``', text)
        tests = '\n'.join((inventory.ROOT / path).read_text('utf-8') for path in paths)
        for name in re.findall(r'``(test_\w+)``', text):
            with self.subTest(name):
                self.assertIn(f'def {name}(', tests)
