# SPDX-License-Identifier: Apache-2.0
"""The supported releases in the documentation and settings are those that are tested."""

import configparser
import re
import unittest

from tests import releases
from tests.unit.project.inventory import ROOT


class MatrixTest(unittest.TestCase):
    def named(self, setting: str) -> list[str]:
        """Return the release lines in a setting of tox."""
        config = configparser.ConfigParser(interpolation=None)
        config.read(ROOT / 'tox.ini', encoding='utf-8')
        numbers = re.findall(r'osc\{([\d,]+)\}', config['tox'][setting])
        return [f'osc{number}' for number in numbers[0].split(',')]

    def test_every_release_line_is_in_the_matrix(self) -> None:
        lines = [line.name for line in releases.lines()]
        self.assertEqual(self.named('env_list'), lines)
        # Everything else is tested with the newest.
        self.assertEqual(self.named('labels'), lines[:-1])

    def test_each_release_line_is_named_after_its_osc(self) -> None:
        for line in releases.lines():
            with self.subTest(line.name):
                major, minor, _ = line.versions['python-openstackclient'].split('.')
                self.assertEqual(line.name, f'osc{major}{minor}')

    def test_each_release_line_names_its_distributions(self) -> None:
        for line in releases.lines():
            with self.subTest(line.name):
                self.assertRegex(line.title, r'^[A-Z].*[\w.]$')


class LowerBoundTest(unittest.TestCase):
    def test_exactly_the_lower_bounds_are_tested(self) -> None:
        pinned = releases.pins('lower')
        self.assertEqual(releases.bounds(), {name: pinned.get(name) for name in releases.bounds()})

    def test_every_requirement_has_a_lower_bound(self) -> None:
        text = (ROOT / 'requirements.txt').read_text('utf-8')
        required = [line for line in text.splitlines() if line and not line.startswith('#')]
        self.assertEqual(len(required), len(releases.bounds()))

    def test_no_release_line_is_below_the_lower_bounds(self) -> None:
        oldest = {name: _numbers(version) for name, version in releases.bounds().items()}
        for line in releases.lines():
            for name, version in line.versions.items():
                with self.subTest(f'{line.name} {name}'):
                    self.assertGreaterEqual(_numbers(version), oldest[name])


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split('.')]
