# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands share."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from backupext import errors
from backupext.core import features


def reference(text: str) -> str:
    """Accept a name, an ID or whatever is asked for, but not nothing.

    An empty one is what an unset shell variable leaves, and backups may have an empty name.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError('must not be empty (is a shell variable unset?)')
    return text


def add_backup(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument that names the one backup a command works on."""
    parser.add_argument(
        'backup', metavar='<backup>', type=reference, help=f'Backup to {purpose} (name or ID)'
    )


def add_hidden_alias(
    parser: argparse.ArgumentParser, *names: str, dest: str, **kwargs: Any
) -> None:
    """Accept an option under names that the help does not show.

    It keeps an abbreviation exact that a longer option would make ambiguous, and takes what guides
    publish although it never worked.
    """
    parser.add_argument(
        *names, dest=dest, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **kwargs
    )


class _NotAnOption(argparse.Action):
    """An option that people expect but that does not exist: say what to write instead."""

    def __call__(self, parser: argparse.ArgumentParser, *_args: Any, **_kwargs: Any) -> NoReturn:
        parser.error(f'{self.option_strings[0]} is not an option here: {self.const}')


def add_misunderstood(parser: argparse.ArgumentParser, name: str, advice: str) -> None:
    """Answer an option that guides publish, and that cannot be meant as they write it."""
    parser.add_argument(
        name,
        action=_NotAnOption,
        const=advice,
        nargs='?',
        dest=argparse.SUPPRESS,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


def since(option: str) -> str:
    """Say in a help text from which microversion on the cloud has an option."""
    return f'(needs Block Storage microversion {features.OPTIONS[option].since} or newer)'


def add_scope(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options by which an administrator reaches beyond the own project."""
    parser.add_argument(
        '--project',
        metavar='<project>',
        type=reference,
        help=f'{what} this project only (name or ID) (admin only)',
    )
    parser.add_argument(
        '--all-projects',
        action='store_true',
        default=False,
        help=f'{what} all projects (admin only)',
    )


def accept_late_argument(parser: argparse.ArgumentParser, dest: str) -> None:
    """Take an optional last argument that follows an option too: ``restore BACKUP --force VOLUME``.

    argparse gives an optional argument up at the first option behind the one before it.
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
        return reference(text)
    except argparse.ArgumentTypeError as error:
        parser.error(f'argument <{dest}>: {error}')


def one_of(parsed_args: argparse.Namespace, argument: str, alias: str) -> str | None:
    """Give an argument that an option may stand for.

    :raises UsageError: both were given.
    """
    value: str | None = getattr(parsed_args, argument)
    other: str | None = getattr(parsed_args, alias, None)
    if value is not None and other is not None:
        raise errors.UsageError(f"Give one <{argument}>, not both '{value}' and '{other}'.")
    return other if value is None else value
