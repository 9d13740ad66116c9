# SPDX-License-Identifier: Apache-2.0
import importlib.metadata
import unittest

from backupext import plugin
from backupext.cli import base
from tests.unit.project import inventory


class EntryPointTest(unittest.TestCase):
    def test_entry_points_are_sorted(self) -> None:
        groups = inventory.entry_points()
        self.assertEqual(list(groups), sorted(groups))
        for group, entries in groups.items():
            with self.subTest(group):
                names = [entry.name for entry in entries]
                self.assertEqual(names, sorted(set(names)))

    def test_each_command_is_a_class_of_the_plugin(self) -> None:
        for name, class_ in inventory.commands().items():
            with self.subTest(name):
                self.assertTrue(issubclass(class_, base.Command))
                self.assertTrue(class_.__module__.startswith('backupext.commands.'))

    def test_each_command_module_has_an_entry_point(self) -> None:
        files = {path.stem for path in (inventory.PACKAGE / 'commands').glob('[!_]*.py')}
        modules = {class_.__module__.rpartition('.')[2] for class_ in inventory.commands().values()}
        self.assertEqual(files, modules)

    def test_osc_finds_the_commands_through_the_plugin(self) -> None:
        groups = inventory.entry_points()
        (found,) = groups['openstack.cli.extension']
        self.assertIs(found.load(), plugin)
        group = f'openstack.{plugin.API_NAME}.v{plugin.DEFAULT_API_VERSION}'
        self.assertEqual(set(groups) - {'openstack.cli.extension'}, {group})

    def test_every_built_in_backup_command_is_taken_over(self) -> None:
        oscs = {
            entry.name
            for entry in importlib.metadata.entry_points(group='openstack.volume.v3')
            if entry.name.startswith('volume_backup_')
        }
        self.assertIn('volume_backup_create', oscs)
        self.assertLessEqual(oscs, set(inventory.commands()))
