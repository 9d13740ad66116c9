# SPDX-License-Identifier: Apache-2.0
"""The parsers accept everything that the built-in ones do, with the same meaning."""

import argparse
import contextlib
import io
import unittest
from collections.abc import Iterator
from typing import Any, NamedTuple

from osc_lib.cli import parseractions

from backupext.cli import types, workarounds
from tests.unit.project import inventory

#: The built-in option has a destination that nothing reads, and so no effect.
MENDED = '--no-incremental'
UNREAD = 'no_incremental'

#: Arguments that an option can replace here, or of which several can be given: their ``nargs``.
WIDENED = {
    ('volume_backup_record_export', 'backup'): argparse.ZERO_OR_MORE,
    ('volume_backup_record_import', 'backup_service'): argparse.OPTIONAL,
    ('volume_backup_record_import', 'backup_metadata'): argparse.OPTIONAL,
}

SHORTEST = len('--abc')

USAGE_ERROR = 2


class Pair(NamedTuple):
    """The built-in parser of a command, and that of the plugin."""

    name: str
    osc: argparse.ArgumentParser
    plugin: argparse.ArgumentParser


def pairs() -> Iterator[Pair]:
    classes = inventory.commands()
    for name, osc in inventory.osc_commands().items():
        yield Pair(name, inventory.parser_of(osc), inventory.parser_of(classes[name]))


def positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in inventory.actions(parser) if not action.option_strings]


def traits(action: argparse.Action) -> dict[str, Any]:
    """Return what an argument or an option does with its value."""
    is_ours = action.type in {types.reference, types.optional_reference, types.text_or_none}
    return {
        'kind': kind(action),
        'dest': action.dest,
        'nargs': action.nargs,
        'const': action.const,
        'default': action.default,
        'required': action.required,
        'type': None if is_ours else action.type,
    }


def kind(action: argparse.Action) -> type[argparse.Action]:
    """Return the class of an action, or the class of OSC that it improves."""
    return next(each for each in type(action).__mro__ if each.__module__ != workarounds.__name__)


def prefixes(name: str) -> Iterator[str]:
    """Yield an option and all of its abbreviations of three letters or more."""
    if not name.startswith('--'):
        yield name
        return
    for length in range(min(SHORTEST, len(name)), len(name) + 1):
        yield name[:length]


def values(action: argparse.Action) -> list[str]:
    """Return a value that an option or an argument accepts."""
    if action.nargs == 0:
        return []
    if action.choices is not None:
        return [str(next(iter(action.choices)))]
    if isinstance(action, parseractions.KeyValueAction):
        return ['key=value']
    return ['7' if action.type is int else 'something']


def meaning(parser: argparse.ArgumentParser, arguments: list[str]) -> dict[str, Any] | int:
    """Parse arguments; return the result, or the exit status if they end the program."""
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            return dict(vars(parser.parse_args(arguments)))
    except SystemExit as exit_:
        return int(exit_.code or 0)


def argument_traits(name: str, action: argparse.Action) -> dict[str, Any]:
    """Return the traits of a command's argument, with those that are widened here."""
    nargs = WIDENED.get((name, action.dest))
    return {**traits(action), 'nargs': nargs, 'required': False} if nargs else traits(action)


def expected(
    name: str, osc: dict[str, Any] | int, untouched: dict[str, Any]
) -> dict[str, Any] | int:
    """Return the expected result: that of OSC, with defaults for additional options."""
    if isinstance(osc, int):
        return osc
    given = {
        key: [value] if WIDENED.get((name, key)) == argparse.ZERO_OR_MORE else value
        for key, value in osc.items()
        if key != UNREAD
    }
    return {**untouched, **given}


class ParserTest(unittest.TestCase):
    def test_all_nine_built_in_commands_are_compared(self) -> None:
        self.assertEqual(len(list(pairs())), 9)

    def test_arguments_have_the_same_order_and_meaning(self) -> None:
        for pair in pairs():
            with self.subTest(pair.name):
                self.assertEqual(
                    [argument_traits(pair.name, action) for action in positionals(pair.plugin)],
                    [argument_traits(pair.name, action) for action in positionals(pair.osc)],
                )

    def test_every_built_in_option_has_the_same_meaning(self) -> None:
        for pair in pairs():
            have = inventory.options(pair.plugin)
            for name, action in inventory.options(pair.osc).items():
                with self.subTest(f'{pair.name} {name}'):
                    wanted = traits(action)
                    if name == MENDED:
                        wanted['dest'] = 'incremental'
                    self.assertEqual(traits(have[name]), wanted)

    def test_every_built_in_choice_is_accepted(self) -> None:
        for pair in pairs():
            have = inventory.options(pair.plugin)
            for name, action in inventory.options(pair.osc).items():
                with self.subTest(f'{pair.name} {name}'):
                    self.assertLessEqual(
                        set(action.choices or ()), set(have[name].choices or action.choices or ())
                    )

    def test_every_accepted_abbreviation_has_the_same_meaning(self) -> None:
        for pair in pairs():
            given = [text for action in positionals(pair.osc) for text in values(action)]
            untouched = vars(pair.plugin.parse_args(given))
            for name, action in inventory.options(pair.osc).items():
                for prefix in prefixes(name):
                    arguments = [*given, prefix, *values(action)]
                    osc = meaning(pair.osc, arguments)
                    with self.subTest(f'{pair.name} {prefix}'):
                        if osc == USAGE_ERROR:
                            self.assertNotEqual(prefix, name)
                            continue
                        self.assertEqual(
                            meaning(pair.plugin, arguments), expected(pair.name, osc, untouched)
                        )

    def test_last_of_incremental_and_no_incremental_wins(self) -> None:
        parser = inventory.parser_of(inventory.commands()['volume_backup_create'])
        last = parser.parse_args(['volume', '--incremental', '--no-incremental'])
        self.assertFalse(last.incremental)
        last = parser.parse_args(['volume', '--no-incremental', '--incremental'])
        self.assertTrue(last.incremental)
