# SPDX-License-Identifier: Apache-2.0
import dataclasses
import enum
import importlib
import os
import sys
import unittest
from types import ModuleType

from backupext.cli import columns, drawing
from backupext.core import models
from tests.imports import import_plugin
from tests.unit.project.inventory import ROOT, commands

#: Every run of ``openstack``, of any command, imports these, at about a tenth of a millisecond
#: each, and a module for each command.
SHARED = {
    *('backupext', 'backupext.plugin', 'backupext.errors'),
    *('backupext.cli', 'backupext.cli.base', 'backupext.cli.plans', 'backupext.cli.plugins'),
    'backupext.commands',
}


def generated(module: ModuleType) -> list[str]:
    """Return the classes of a module with generated methods, which take long to create."""
    return [
        class_.__name__
        for class_ in vars(module).values()
        if isinstance(class_, type)
        and class_.__module__ == module.__name__
        and (dataclasses.is_dataclass(class_) or issubclass(class_, enum.Enum | tuple))
    ]


class ImportBudgetTest(unittest.TestCase):
    before: set[str]
    new: set[str]

    @classmethod
    def setUpClass(cls) -> None:
        environment = {key: value for key, value in os.environ.items() if key[:3] != 'OS_'}
        cls.before, cls.new, _ = import_plugin(sys.executable, environment, ROOT)

    def test_osc_loads_its_own_commands_first(self) -> None:
        packages = {name.rpartition('.')[0] for name in self.before}
        self.assertIn('openstackclient.volume', packages)
        self.assertFalse('backupext' in packages)

    def test_commands_load_no_other_packages(self) -> None:
        self.assertEqual({name for name in self.new if name.split('.')[0] != 'backupext'}, set())

    def test_commands_load_themselves_and_their_base_class_only(self) -> None:
        modules = {class_.__module__ for class_ in commands().values()}
        self.assertEqual(self.new, SHARED | modules)

    def test_loaded_modules_have_no_generated_class(self) -> None:
        found = {name: generated(importlib.import_module(name)) for name in self.new}
        self.assertEqual({name: classes for name, classes in found.items() if classes}, {})

    def test_generated_class_is_noticed(self) -> None:
        self.assertIn('Column', generated(columns))
        self.assertIn('_Place', generated(drawing))
        self.assertIn('Backup', generated(models))
