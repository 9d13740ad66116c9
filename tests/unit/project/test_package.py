# SPDX-License-Identifier: Apache-2.0
import argparse
import importlib.metadata
import unittest
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

from osc_lib.command import command

from backupext import plugin
from backupext.cli import base
from tests.unit.project import ours


class Argument(NamedTuple):
    """An argument or an option of a command of ours, by the name that people know it by."""

    name: str
    action: argparse.Action


def arguments() -> Iterator[Argument]:
    """Give what our commands add to what cliff gives every command."""
    for name, class_ in ours.commands().items():
        cliffs = {tuple(action.option_strings) for action in ours.actions(_base_parser(class_))}
        for action in ours.actions(ours.parser_of(class_)):
            if action.option_strings and tuple(action.option_strings) in cliffs:
                continue
            option = action.option_strings[0] if action.option_strings else action.dest
            yield Argument(f'{name} {option}', action)


def _base_parser(class_: type[command.Command]) -> argparse.ArgumentParser:
    return super(class_, class_(mock.Mock(), None)).get_parser('command')


class EntryPointTest(unittest.TestCase):
    def test_they_are_sorted(self) -> None:
        groups = ours.entry_points()
        self.assertEqual(list(groups), sorted(groups))
        for group, entries in groups.items():
            with self.subTest(group):
                names = [entry.name for entry in entries]
                self.assertEqual(names, sorted(set(names)))

    def test_each_command_is_a_class_of_ours(self) -> None:
        for name, class_ in ours.commands().items():
            with self.subTest(name):
                self.assertTrue(issubclass(class_, base.Command))
                self.assertTrue(class_.__module__.startswith('backupext.commands.'))

    def test_each_file_of_commands_has_its_entry_points(self) -> None:
        files = {path.stem for path in (ours.PACKAGE / 'commands').glob('[!_]*.py')}
        modules = {class_.__module__.rpartition('.')[2] for class_ in ours.commands().values()}
        self.assertEqual(files, modules)

    def test_osc_finds_the_commands_through_the_plugin(self) -> None:
        groups = ours.entry_points()
        (found,) = groups['openstack.cli.extension']
        self.assertIs(found.load(), plugin)
        group = f'openstack.{plugin.API_NAME}.v{plugin.DEFAULT_API_VERSION}'
        self.assertEqual(set(groups) - {'openstack.cli.extension'}, {group})

    def test_every_backup_command_of_oscs_is_taken_over(self) -> None:
        oscs = {
            entry.name
            for entry in importlib.metadata.entry_points(group='openstack.volume.v3')
            if entry.name.startswith('volume_backup_')
        }
        self.assertIn('volume_backup_create', oscs)
        self.assertLessEqual(oscs, set(ours.commands()))


class HelpTest(unittest.TestCase):
    def test_every_command_says_what_it_does(self) -> None:
        for name, class_ in ours.commands().items():
            with self.subTest(name):
                self.assertRegex(class_.__doc__ or '', r'^[A-Z][^\n]+\.(\n|$)')

    def test_every_argument_and_option_has_a_help_text_or_is_hidden(self) -> None:
        for name, action in arguments():
            with self.subTest(name):
                text = action.help or ''
                if text != argparse.SUPPRESS:
                    self.assertRegex(text, r'^[A-Z]')
                    self.assertEqual(text, text.strip())

    def test_only_options_are_hidden(self) -> None:
        hidden = [one for one in arguments() if one.action.help == argparse.SUPPRESS]
        self.assertEqual([one.name for one in hidden if not one.action.option_strings], [])
