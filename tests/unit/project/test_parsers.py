# SPDX-License-Identifier: Apache-2.0
"""Our parsers take all that OSC's own do, and mean the same by it."""

import argparse
import contextlib
import io
import unittest
from collections.abc import Iterator
from typing import Any, NamedTuple

from osc_lib.cli import parseractions

from backupext.cli import types, workarounds
from tests.unit.project import ours

#: OSC's has a destination of its own, which nothing reads: there it has no effect.
MENDED = '--no-incremental'
UNREAD = 'no_incremental'

SHORTEST = len('--abc')

USAGE_ERROR = 2


class Pair(NamedTuple):
    """A command's parser as OSC has it, and ours."""

    name: str
    osc: argparse.ArgumentParser
    ours: argparse.ArgumentParser


def pairs() -> Iterator[Pair]:
    classes = ours.commands()
    for name, osc in ours.osc_commands().items():
        yield Pair(name, ours.parser_of(osc), ours.parser_of(classes[name]))


def positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in ours.actions(parser) if not action.option_strings]


def traits(action: argparse.Action) -> dict[str, Any]:
    """Say what an argument or an option does with what it is given."""
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
    """Give the class of an action, or OSC's that a class of ours makes better."""
    return next(each for each in type(action).__mro__ if each.__module__ != workarounds.__name__)


def prefixes(name: str) -> Iterator[str]:
    """Abbreviate an option in every way of three letters or more, and not at all."""
    if not name.startswith('--'):
        yield name
        return
    for length in range(min(SHORTEST, len(name)), len(name) + 1):
        yield name[:length]


def values(action: argparse.Action) -> list[str]:
    """Give an option or an argument something that it takes."""
    if action.nargs == 0:
        return []
    if action.choices is not None:
        return [str(next(iter(action.choices)))]
    if isinstance(action, parseractions.KeyValueAction):
        return ['key=value']
    return ['7' if action.type is int else 'something']


def meaning(parser: argparse.ArgumentParser, arguments: list[str]) -> dict[str, Any] | int:
    """Parse arguments: what they mean, or the exit status where they end the program."""
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            return dict(vars(parser.parse_args(arguments)))
    except SystemExit as exit_:
        return int(exit_.code or 0)


def expected(osc: dict[str, Any] | int, untouched: dict[str, Any]) -> dict[str, Any] | int:
    """Say what ours must give: as OSC's, and every option that only we have left alone."""
    if isinstance(osc, int):
        return osc
    return {**untouched, **{key: value for key, value in osc.items() if key != UNREAD}}


class ParserTest(unittest.TestCase):
    def test_all_nine_of_oscs_are_compared(self) -> None:
        self.assertEqual(len(list(pairs())), 9)

    def test_arguments_come_in_the_same_order_and_mean_the_same(self) -> None:
        for pair in pairs():
            with self.subTest(pair.name):
                self.assertEqual(
                    [traits(action) for action in positionals(pair.ours)],
                    [traits(action) for action in positionals(pair.osc)],
                )

    def test_every_option_of_oscs_exists_and_means_the_same(self) -> None:
        for pair in pairs():
            have = ours.options(pair.ours)
            for name, action in ours.options(pair.osc).items():
                with self.subTest(f'{pair.name} {name}'):
                    wanted = traits(action)
                    if name == MENDED:
                        wanted['dest'] = 'incremental'
                    self.assertEqual(traits(have[name]), wanted)

    def test_every_choice_of_oscs_can_be_made(self) -> None:
        for pair in pairs():
            have = ours.options(pair.ours)
            for name, action in ours.options(pair.osc).items():
                with self.subTest(f'{pair.name} {name}'):
                    self.assertLessEqual(
                        set(action.choices or ()), set(have[name].choices or action.choices or ())
                    )

    def test_every_abbreviation_that_osc_takes_means_the_same(self) -> None:
        for pair in pairs():
            given = [text for action in positionals(pair.osc) for text in values(action)]
            untouched = vars(pair.ours.parse_args(given))
            for name, action in ours.options(pair.osc).items():
                for prefix in prefixes(name):
                    arguments = [*given, prefix, *values(action)]
                    osc = meaning(pair.osc, arguments)
                    with self.subTest(f'{pair.name} {prefix}'):
                        if osc == USAGE_ERROR:
                            self.assertNotEqual(prefix, name)
                            continue
                        self.assertEqual(meaning(pair.ours, arguments), expected(osc, untouched))

    def test_the_last_one_of_incremental_and_no_incremental_counts(self) -> None:
        parser = ours.parser_of(ours.commands()['volume_backup_create'])
        last = parser.parse_args(['volume', '--incremental', '--no-incremental'])
        self.assertFalse(last.incremental)
        last = parser.parse_args(['volume', '--no-incremental', '--incremental'])
        self.assertTrue(last.incremental)
