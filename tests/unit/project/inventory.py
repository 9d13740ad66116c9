# SPDX-License-Identifier: Apache-2.0
"""The parts of the project, read from its files."""

import argparse
import configparser
import importlib.metadata
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from osc_lib.command import command

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / 'backupext'

COMMANDS = 'openstack.volume_backup.v3'


def entry_points() -> dict[str, list[EntryPoint]]:
    """Read the entry points of each group, in their order; an installed copy may be older."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg', encoding='utf-8')
    return {
        group: [_entry_point(line, group) for line in lines.strip().splitlines()]
        for group, lines in config['entry_points'].items()
    }


def _entry_point(line: str, group: str) -> EntryPoint:
    name, value = line.split(' = ')
    return EntryPoint(name, value, group)


def commands() -> dict[str, type[command.Command]]:
    """Load the class of every command, by the name of its entry point."""
    return {entry.name: entry.load() for entry in entry_points()[COMMANDS]}


def osc_commands() -> dict[str, type[command.Command]]:
    """Load the class of each backup command of the installed OSC, by the same names."""
    return {
        entry.name: entry.load()
        for entry in importlib.metadata.entry_points(group='openstack.volume.v3')
        if entry.name.startswith('volume_backup_')
    }


def parser_of(class_: type[command.Command]) -> argparse.ArgumentParser:
    """Build the parser of a command, which needs an application by name only."""
    return class_(mock.Mock(), None).get_parser('command')


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """List the arguments and options of a parser."""
    return parser._actions  # noqa: SLF001  # argparse has no public name for them


def options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the options of a parser by each of their names."""
    return {name: action for action in actions(parser) for name in action.option_strings}


class Argument(NamedTuple):
    """An argument or an option of a command, such as ``record export``."""

    command: str
    action: argparse.Action

    @property
    def name(self) -> str:
        """The first name of an option, or the destination of an argument."""
        return next(iter(self.action.option_strings), self.action.dest)

    @property
    def is_hidden(self) -> bool:
        """Whether the help does not show it."""
        return self.action.help == argparse.SUPPRESS


def arguments() -> Iterator[Argument]:
    """Yield what each command adds to the arguments and options that cliff gives every command."""
    for name, class_ in commands().items():
        inherited = {tuple(action.option_strings) for action in actions(_base_parser(class_))}
        for action in actions(parser_of(class_)):
            if not action.option_strings or tuple(action.option_strings) not in inherited:
                yield Argument(name.removeprefix('volume_backup_').replace('_', ' '), action)


def _base_parser(class_: type[command.Command]) -> argparse.ArgumentParser:
    return super(class_, class_(mock.Mock(), None)).get_parser('command')
