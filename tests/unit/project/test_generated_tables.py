# SPDX-License-Identifier: Apache-2.0
import unittest

from backupext.cli import columns
from backupext.core import features
from backupext.core.models import Backup
from tests.unit.project import inventory
from tests.unit.project.typed import PREFIX, parsers


class TableTest(unittest.TestCase):
    """The tables behind the generated documentation match the code."""

    def test_parsers_declare_all_required_microversions(self) -> None:
        declared = {
            each.feature: f'{PREFIX}{each.feature.partition(" --")[0]}' == name
            for name, parser in parsers().items()
            for each in parser.get_default('requirements') or ()
        }
        self.assertEqual(declared, dict.fromkeys(features.OPTIONS, True))

    def test_help_names_required_microversions(self) -> None:
        known = parsers()
        for feature in features.OPTIONS.values():
            command, _, option = feature.name.partition(' --')
            parser = known[PREFIX + command]
            with self.subTest(feature.name):
                if option:
                    said = inventory.options(parser)[f'--{option}'].help or ''
                    self.assertTrue(said.endswith(f' (requires Block Storage {feature.since})'))
                else:
                    said = parser.description or ''
                    self.assertTrue(said.endswith(f'\n\nRequires Block Storage {feature.since}.'))

    def test_columns_with_a_microversion_exist(self) -> None:
        self.assertLessEqual(set(features.COLUMNS), {one.attribute for one in columns.SHOW})

    def test_columns_are_fields_of_a_backup(self) -> None:
        self.assertEqual({one.attribute for one in columns.SHOW}, set(Backup.__slots__))

    def test_no_requirement_is_newer_than_the_newest_known_microversion(self) -> None:
        for feature in [*features.OPTIONS.values(), *features.COLUMNS.values()]:
            with self.subTest(feature.name):
                self.assertLessEqual(feature.since, features.NEWEST)
