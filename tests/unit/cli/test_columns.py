# SPDX-License-Identifier: Apache-2.0
import unittest
from typing import Any, NamedTuple

from cliff.columns import FormattableColumn

from backupext.cli import columns
from backupext.cli.columns import Column, SafeText, VolumeNames
from backupext.core.models import Backup

VOLUMES = {'v1': 'data', 'v2': None}


class Restored(NamedTuple):
    """A row of ``recover``."""

    backup: Backup | None


def for_people(value: object) -> object:
    return value.human_readable() if isinstance(value, FormattableColumn) else value


def for_machines(value: object) -> object:
    return value.machine_readable() if isinstance(value, FormattableColumn) else value


class TableTest(unittest.TestCase):
    VOLUME = (Column('Backup', 'id'), Column('Volume', 'volume_id', by_name=True))

    def rows(self, names: VolumeNames | None) -> tuple[list[list[object]], list[list[object]]]:
        """Return the rows of three backups, for people and for machines."""
        backups = [Backup('b1', volume_id='v1'), Backup('b2', volume_id='v2'), Backup('b3')]
        _, rows = columns.table(self.VOLUME, backups, names)
        known = list(rows)
        people = [[for_people(value) for value in row] for row in known]
        return people, [[for_machines(value) for value in row] for row in known]

    def test_tables_show_names_of_volumes_and_machine_formats_ids(self) -> None:
        people, machines = self.rows(VolumeNames(VOLUMES.get, iter([VOLUMES])))
        self.assertEqual(people, [['b1', 'data'], ['b2', 'v2'], ['b3', None]])
        self.assertEqual(machines, [['b1', 'v1'], ['b2', 'v2'], ['b3', None]])

    def test_resource_is_shown_by_its_name_to_people_and_by_its_id_to_machines(self) -> None:
        rows = [Backup('b1', '\x1bmonday'), Backup('b2')]
        _, table = columns.table((columns.RECOVER[2],), [Restored(each) for each in (*rows, None)])
        cells = [cell for (cell,) in table]
        self.assertEqual([for_people(each) for each in cells], ['\\x1bmonday', 'b2', ''])
        self.assertEqual([for_machines(each) for each in cells], ['b1', 'b2', None])

    def test_ids_are_shown_without_names(self) -> None:
        ids = [['b1', 'v1'], ['b2', 'v2'], ['b3', None]]
        self.assertEqual(self.rows(None), (ids, ids))

    def test_headers_stand_above_their_values(self) -> None:
        backup = Backup('b1', size=4)
        self.assertEqual(
            columns.fields((Column('Size', 'size'), Column('ID', 'id')), backup),
            (('Size', 'ID'), (4, 'b1')),
        )


class SafeTextTest(unittest.TestCase):
    def test_text_is_escaped_for_people_and_raw_for_machines(self) -> None:
        self.assertEqual(for_people(columns.safe('a\x1b')), r'a\x1b')
        self.assertEqual(for_machines(columns.safe('a\x1b')), 'a\x1b')

    def test_safe_text_sorts_with_plain_text(self) -> None:
        texts: list[Any] = [SafeText('d\x1b'), 'c', SafeText('b\x1b'), 'e', 'a']
        self.assertEqual(
            [for_machines(text) for text in sorted(texts)], ['a', 'b\x1b', 'c', 'd\x1b', 'e']
        )
