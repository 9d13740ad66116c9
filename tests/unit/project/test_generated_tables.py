# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.cli import columns
from backupext.core import features
from backupext.core.models import Backup
from tests.unit.project import ours
from tests.unit.project.typed import PREFIX, own_options, parsers


class TableTest(unittest.TestCase):
    """The tables that documentation is generated from speak of what there is."""

    def test_each_option_with_a_microversion_exists(self) -> None:
        known = own_options()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.rpartition(' ')
            with self.subTest(feature.name):
                self.assertIn(option, known[PREFIX + verb])

    def test_each_option_with_a_microversion_says_so_in_its_help(self) -> None:
        known = parsers()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.rpartition(' ')
            helps = [
                action.help or ''
                for action in ours.actions(known[PREFIX + verb])
                if option in action.option_strings
            ]
            with self.subTest(feature.name):
                self.assertIn(f'microversion {feature.since} or newer', helps[0])

    def test_each_column_with_a_microversion_exists(self) -> None:
        self.assertLessEqual(set(features.COLUMNS), {one.attribute for one in columns.COLUMNS})

    def test_each_column_is_a_field_of_a_backup(self) -> None:
        self.assertEqual({one.attribute for one in columns.COLUMNS}, set(Backup.__slots__))

    def test_nothing_needs_a_newer_microversion_than_the_newest_that_is_sent(self) -> None:
        for feature in [*features.OPTIONS.values(), *features.COLUMNS.values()]:
            with self.subTest(feature.name):
                self.assertLessEqual(feature.since, features.NEWEST)
