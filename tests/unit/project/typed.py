# SPDX-License-Identifier: Apache-2.0
"""The commands as users type them: 'volume backup list', with its options."""

import argparse
from unittest import mock

from osc_lib.command import command

from tests.unit.project import inventory

PREFIX = 'volume backup '


def words(entry: str) -> str:
    """Return the name of an entry point as users type it: 'volume backup list'."""
    return entry.replace('_', ' ')


def commands() -> dict[str, type[command.Command]]:
    """Return the class of each command, by the name that users type."""
    return {words(name): class_ for name, class_ in inventory.commands().items()}


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, by the name that users type."""
    return {name: inventory.parser_of(class_) for name, class_ in commands().items()}


def own_options() -> dict[str, set[str]]:
    """Return the visible options of each command, without those of cliff."""
    return {name: _shown(class_) - _inherited(class_) for name, class_ in commands().items()}


def names(parser: argparse.ArgumentParser) -> set[str]:
    """List every name of every option of a parser."""
    return set(inventory.options(parser))


def command_of(arguments: list[str]) -> str:
    """Return the command at the beginning of arguments."""
    length = 2 if arguments[0] == 'record' else 1
    return PREFIX + ' '.join(arguments[:length])


def _shown(class_: type[command.Command]) -> set[str]:
    actions = inventory.actions(inventory.parser_of(class_))
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    return {name for action in shown for name in action.option_strings}


def _inherited(class_: type[command.Command]) -> set[str]:
    return names(super(class_, class_(mock.Mock(), None)).get_parser('command'))
