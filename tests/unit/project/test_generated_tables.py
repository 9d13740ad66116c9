# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.cli import columns
from backupext.core import features
from backupext.core.models import Backup
from tests.unit.project import ours
from tests.unit.project.typed import PREFIX, parsers


class TableTest(unittest.TestCase):
    """The tables that documentation is generated from speak of what there is."""

    def test_what_requires_a_microversion_is_declared_by_the_parser_of_its_command(self) -> None:
        declared = {
            each.feature: f'{PREFIX}{each.feature.partition(" ")[0]}' == name
            for name, parser in parsers().items()
            for each in parser.get_default('requirements') or ()
        }
        self.assertEqual(declared, dict.fromkeys(features.OPTIONS, True))

    def test_what_requires_a_microversion_says_so_in_its_help(self) -> None:
        known = parsers()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.partition(' ')
            parser = known[PREFIX + verb]
            with self.subTest(feature.name):
                if option:
                    said = ours.options(parser)[option].help or ''
                    self.assertTrue(said.endswith(f' (requires Block Storage {feature.since})'))
                else:
                    said = parser.description or ''
                    self.assertTrue(said.endswith(f'\n\nRequires Block Storage {feature.since}.'))

    def test_each_column_with_a_microversion_exists(self) -> None:
        self.assertLessEqual(set(features.COLUMNS), {one.attribute for one in columns.SHOW})

    def test_each_column_is_a_field_of_a_backup(self) -> None:
        self.assertEqual({one.attribute for one in columns.SHOW}, set(Backup.__slots__))

    def test_nothing_needs_a_newer_microversion_than_the_newest_that_is_sent(self) -> None:
        for feature in [*features.OPTIONS.values(), *features.COLUMNS.values()]:
            with self.subTest(feature.name):
                self.assertLessEqual(feature.since, features.NEWEST)
