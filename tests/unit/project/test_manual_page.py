# SPDX-License-Identifier: Apache-2.0
import re
import shlex
import unittest

from tests.unit.project import inventory
from tests.unit.project.pages import read
from tests.unit.project.typed import PREFIX, command_of, parsers


class ManualPageTest(unittest.TestCase):
    """The manual page has every command, and its options from the parsers."""

    def page(self) -> str:
        return read('man', 'openstack-volume-backup.rst')

    def test_synopsis_is_generated_from_the_parsers(self) -> None:
        self.assertIn('\n.. command-synopsis::\n', self.page())

    def test_options_are_generated_from_the_parsers(self) -> None:
        self.assertIn(
            f'autoprogram-cliff:: {inventory.COMMANDS}\n      :command: {PREFIX}*\n', self.page()
        )

    def test_sections_are_those_of_a_manual_page(self) -> None:
        sections = re.findall(r'^([A-Z ]+)\n=+$', self.page(), re.MULTILINE)
        self.assertEqual(
            ', '.join(sections),
            'SYNOPSIS, DESCRIPTION, COMMANDS, EXIT STATUS, ENVIRONMENT, FILES, EXAMPLES, NOTES, '
            'SEE ALSO',
        )

    def test_examples_can_be_parsed(self) -> None:
        examples = re.findall(r'^   openstack volume backup (.*)$', self.page(), re.MULTILINE)
        self.assertGreater(len(examples), 0)
        for example in examples:
            arguments = shlex.split(example)
            with self.subTest(example):
                parsers()[command_of(arguments)].parse_args(arguments[1:])

    def test_page_has_every_exit_status_of_the_reference(self) -> None:
        reference = read('cli', 'exit-status.rst')
        statuses = re.findall(r'^   \* - (\d+)$', reference, re.MULTILINE)
        self.assertEqual(re.findall(r'^\*\*(\d+)\*\*$', self.page(), re.MULTILINE), statuses)
