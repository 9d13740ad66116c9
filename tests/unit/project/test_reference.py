# SPDX-License-Identifier: Apache-2.0
"""The command reference is generated from the parsers, and complete."""

import importlib.metadata
import re
import unittest
from unittest import mock

from backupext import plugin
from tests.unit.project import inventory
from tests.unit.project.pages import SOURCE, read
from tests.unit.project.typed import PREFIX, own_options, parsers


def ignored_in_the_reference() -> set[str]:
    """Return the options that the reference leaves out."""
    settings: dict[str, object] = {'__file__': str(SOURCE / 'conf.py')}
    source = (SOURCE / 'conf.py').read_text('utf-8')
    with mock.patch('sys.path', []):
        exec(compile(source, 'conf.py', 'exec'), settings)  # as Sphinx does
    ignored = settings['autoprogram_cliff_ignored']
    if not isinstance(ignored, list):
        raise TypeError(ignored)
    return set(ignored)


class ReferenceTest(unittest.TestCase):
    """The reference is generated from the parsers of all commands in its group."""

    def reference(self) -> str:
        return read('cli', 'volume-backup.rst')

    def test_reference_covers_the_group_of_the_plugin(self) -> None:
        group = f'openstack.{plugin.API_NAME}.v{plugin.DEFAULT_API_VERSION}'
        self.assertEqual(re.findall(r'autoprogram-cliff:: (\S+)', self.reference()), [group])

    def test_reference_covers_every_command(self) -> None:
        (pattern,) = re.findall(r':command: (.+)', self.reference())
        self.assertEqual(pattern, f'{PREFIX}*')
        for name in parsers():
            with self.subTest(name):
                self.assertTrue(name.startswith(PREFIX))

    def test_reference_leaves_out_no_option_of_the_plugin(self) -> None:
        ignored = ignored_in_the_reference()
        for name, options in own_options().items():
            with self.subTest(name):
                self.assertEqual(options & ignored, set())

    def test_the_installed_commands_are_those_of_setup_cfg(self) -> None:
        installed = importlib.metadata.entry_points(group=inventory.COMMANDS)
        here = inventory.entry_points()[inventory.COMMANDS]
        self.assertEqual(
            {(entry.name, entry.value) for entry in installed},
            {(entry.name, entry.value) for entry in here},
            'install the checkout again: the reference is made from what is installed',
        )
