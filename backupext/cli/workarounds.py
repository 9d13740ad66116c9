# SPDX-License-Identifier: Apache-2.0
"""Workarounds for what argparse and osc-lib lack or do wrong."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from osc_lib.cli import parseractions

from backupext import errors
from backupext.cli import types
from backupext.core.text import visible


def refuse_undecodable(parser: argparse.ArgumentParser) -> None:
    """Make text that is not valid UTF-8 a usage error, anywhere on the command line.

    Python passes such bytes on in a form that is not valid in JSON. Cinder accepts them, fails
    later, and leaves the volume in status ``backing-up``.
    """
    parse = parser.parse_known_args

    def parse_known_args(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        for text in args or ():
            try:
                text.encode()
            except UnicodeEncodeError:
                parser.error(f"'{visible(text)}' is not valid UTF-8")
        return parse(args, namespace)

    parser.parse_known_args = parse_known_args  # type: ignore[method-assign,assignment]


def add_hidden_alias(
    parser: argparse.ArgumentParser, *names: str, dest: str, **kwargs: Any
) -> None:
    """Accept an option by names that neither the help nor shell completion shows.

    A hidden name keeps an abbreviation that a new option would make ambiguous, or accepts an option
    that published guides use although it never worked.
    """
    _add_hidden(parser, *names, dest=dest, **kwargs)


def add_misunderstood(parser: argparse.ArgumentParser, name: str, advice: str) -> None:
    """Refuse an option that published guides use wrongly, with advice."""
    _add_hidden(parser, name, action=_NotAnOption, const=advice, nargs='?', dest=argparse.SUPPRESS)


def _add_hidden(parser: argparse.ArgumentParser, *names: str, **kwargs: Any) -> None:
    action = parser.add_argument(
        *names, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **kwargs
    )
    # ``openstack complete`` lists every action of a parser, even if its help is suppressed.
    # argparse does not need this list to find an option by its name.
    parser._actions.remove(action)  # noqa: SLF001  # there is no public way


class _NotAnOption(argparse.Action):
    """An option that people expect but that does not exist; the error has advice."""

    def __call__(self, parser: argparse.ArgumentParser, *_args: Any, **_kwargs: Any) -> NoReturn:
        parser.error(f'{self.option_strings[0]} is not an option of this command: {self.const}')


class _Objecting(argparse.Action):
    """Turn an error of osc-lib into a usage error.

    osc-lib up to 3.1 raises an exception that argparse expects from a type, not from an action:
    OSC then fails with exit status 1, without showing the usage.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__call__(*args, **kwargs)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error


class KeyValueAction(_Objecting, parseractions.KeyValueAction):
    """Accept ``key=value``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Add to a copy: osc-lib would change the default, which the next parse would then have."""
        setattr(namespace, self.dest, dict(getattr(namespace, self.dest) or {}))
        super().__call__(parser, namespace, *args, **kwargs)


class NonNegativeAction(_Objecting, parseractions.NonNegativeAction):
    """Accept a whole number of 0 or more."""


def accept_late_argument(parser: argparse.ArgumentParser, dest: str) -> None:
    """Accept an optional last argument after an option too: ``restore BACKUP --force VOLUME``.

    argparse stops looking for an optional argument at the first option after the argument before.
    """

    def parse_args(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        parsed, rest = parser.parse_known_args(args, namespace)
        if getattr(parsed, dest) is None and _is_an_argument(rest):
            setattr(parsed, dest, _checked(parser, dest, rest[-1]))
        elif rest:
            parser.error(f'unrecognized arguments: {" ".join(rest)}')
        return parsed

    parser.parse_args = parse_args  # type: ignore[method-assign,assignment]


def _is_an_argument(rest: Sequence[str]) -> bool:
    return rest[:-1] == ['--'] or (len(rest) == 1 and not rest[0].startswith('-'))


def _checked(parser: argparse.ArgumentParser, dest: str, text: str) -> str:
    try:
        return types.reference(text)
    except argparse.ArgumentTypeError as error:
        parser.error(f'argument <{dest}>: {error}')


def one_of(parsed_args: argparse.Namespace, argument: str, alias: str) -> str | None:
    """Return the value of an argument, or of the hidden option that can replace it.

    :raises UsageError: both were given.
    """
    value: str | None = getattr(parsed_args, argument)
    other: str | None = getattr(parsed_args, alias, None)
    if value is not None and other is not None:
        raise errors.UsageError(f"Give one <{argument}>, not both '{value}' and '{other}'.")
    return other if value is None else value
