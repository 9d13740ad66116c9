# SPDX-License-Identifier: Apache-2.0
"""The replacements of ``cinder`` commands."""

import importlib
import re
import unittest
from importlib.util import find_spec

from tests.unit.project.pages import read
from tests.unit.project.typed import command_of, names, parsers


class CinderclientTest(unittest.TestCase):
    """The guide for users of cinder names each of its commands and options."""

    def rows(self) -> list[tuple[str, str]]:
        """Return the table: command lines of cinder, and their replacements."""
        text = read('user', 'from-cinder.rst')
        return re.findall(r'^   \* - ``(backup-.*)``\n     - ``(.*)``$', text, re.MULTILINE)

    def theirs(self) -> dict[str, set[str]]:
        """Return the options of each command of cinder in the guide."""
        listed: dict[str, set[str]] = {}
        for row, _ in self.rows():
            verb, *rest = row.split()
            options = {part.rstrip(',') for part in rest if part.startswith('--')}
            listed.setdefault(verb, set()).update(options)
        return listed

    def test_guide_names_existing_options(self) -> None:
        known = parsers()
        for row, here in self.rows():
            arguments = here.replace(',', '').split()
            options = {part for part in arguments if part.startswith('--')}
            with self.subTest(row):
                self.assertLessEqual(options, names(known[command_of(arguments)]))

    @unittest.skipUnless(
        find_spec('cinderclient'), 'OSC does without python-cinderclient since 10.2.'
    )
    def test_guide_names_each_command_and_option_of_cinder(self) -> None:
        shell = importlib.import_module('cinderclient.shell')
        versions = importlib.import_module('cinderclient.api_versions')
        client = shell.OpenStackCinderShell()
        client.get_subcommand_parser(versions.APIVersion('3.71'), False, [])  # noqa: FBT003  # its signature
        real = {
            verb: names(parser) - {'-h', '--help'}
            for verb, parser in client.subcommands.items()
            if verb.startswith('backup-')
        }
        self.assertEqual(self.theirs(), real)
