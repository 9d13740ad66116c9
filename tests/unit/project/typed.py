# SPDX-License-Identifier: Apache-2.0
"""The commands as people type them: 'volume backup list', with its options."""

import argparse
from unittest import mock

from osc_lib.command import command

from tests.unit.project import ours

PREFIX = 'volume backup '


def words(entry: str) -> str:
    """Write an entry point's name as people type it: 'volume backup list'."""
    return entry.replace('_', ' ')


def commands() -> dict[str, type[command.Command]]:
    """Load the class of each command, by what people type."""
    return {words(name): class_ for name, class_ in ours.commands().items()}


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Build the parser of each command, by what people type."""
    return {name: ours.parser_of(class_) for name, class_ in commands().items()}


def own_options() -> dict[str, set[str]]:
    """List the options that each command shows besides those that cliff gives all of its kind."""
    return {name: _shown(class_) - _inherited(class_) for name, class_ in commands().items()}


def names(parser: argparse.ArgumentParser) -> set[str]:
    """List every name of every option of a parser."""
    return set(ours.options(parser))


def command_of(arguments: list[str]) -> str:
    """Name the command that arguments begin with."""
    length = 2 if arguments[0] == 'record' else 1
    return PREFIX + ' '.join(arguments[:length])


def _shown(class_: type[command.Command]) -> set[str]:
    actions = ours.actions(ours.parser_of(class_))
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    return {name for action in shown for name in action.option_strings}


def _inherited(class_: type[command.Command]) -> set[str]:
    return names(super(class_, class_(mock.Mock(), None)).get_parser('command'))
