# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands share."""

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

from osc_lib.cli import parseractions

from backupext import errors
from backupext.core import features
from backupext.core.filters import Criteria, Property, Scope, SortKey
from backupext.core.models import is_id
from backupext.core.timespec import parse_duration, parse_instant

#: Cinder's states of a backup, and error_restoring, which OSC offers although only a volume has it.
STATUSES = (
    'creating',
    'available',
    'deleting',
    'error',
    'restoring',
    'error_restoring',
    'error_deleting',
)


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


def add_backups(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument that names the backups a command works on."""
    parser.add_argument(
        'backups',
        metavar='<backup>',
        nargs='+',
        type=reference,
        help=f'Backup(s) to {purpose}',
    )


def add_volumes(parser: argparse._ActionsContainer, purpose: str) -> None:
    """Add ``--volume``, for the volumes whose backups a command works on."""
    parser.add_argument(
        '--volume',
        metavar='<volume>',
        action='append',
        default=[],
        dest='volumes',
        type=reference,
        help=f'{purpose} of this volume (name or ID; the ID of a deleted volume too) '
        '(repeat option for several volumes)',
    )


def add_hidden_alias(
    parser: argparse.ArgumentParser, *names: str, dest: str, **kwargs: Any
) -> None:
    """Accept an option under names that neither the help nor a shell's completion shows.

    It keeps an abbreviation exact that a longer option would make ambiguous, and takes what guides
    publish although it never worked.
    """
    _add_hidden(parser, *names, dest=dest, **kwargs)


class _Objecting(argparse.Action):
    """Make what osc-lib objects to a usage error.

    Up to 3.1 it raises what argparse takes for one from a type, but not from an action: OSC then
    fails without showing the usage, with exit status 1.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__call__(*args, **kwargs)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error


class KeyValueAction(_Objecting, parseractions.KeyValueAction):
    """Take ``key=value``."""


class NonNegativeAction(_Objecting, parseractions.NonNegativeAction):
    """Take a whole number from zero on."""


class _NotAnOption(argparse.Action):
    """An option that people expect but that does not exist: say what to write instead."""

    def __call__(self, parser: argparse.ArgumentParser, *_args: Any, **_kwargs: Any) -> NoReturn:
        parser.error(f'{self.option_strings[0]} is not an option here: {self.const}')


def add_misunderstood(parser: argparse.ArgumentParser, name: str, advice: str) -> None:
    """Answer an option that guides publish, and that cannot be meant as they write it."""
    _add_hidden(parser, name, action=_NotAnOption, const=advice, nargs='?', dest=argparse.SUPPRESS)


def _add_hidden(parser: argparse.ArgumentParser, *names: str, **kwargs: Any) -> None:
    action = parser.add_argument(
        *names, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **kwargs
    )
    # ``openstack complete`` lists every action of a parser, whether its help is suppressed or not;
    # argparse finds an option by its name without this list.
    parser._actions.remove(action)  # noqa: SLF001  # there is no public way


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


def duration(text: str) -> timedelta:
    """Accept a duration such as ``90s``, ``30m`` or ``12h``."""
    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def instant(text: str) -> datetime:
    """Accept a time, or an age before now."""
    try:
        return parse_instant(text, datetime.now(timezone.utc))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def sort_keys(text: str) -> tuple[SortKey, ...]:
    """Accept ``key[:direction]``, several of them separated by commas."""
    try:
        return tuple(SortKey.parse(key) for key in text.split(','))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def property_filter(text: str) -> Property:
    """Accept ``key`` or ``key=value``."""
    try:
        return Property.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def criteria(parsed_args: argparse.Namespace, scope: Scope) -> Criteria:
    """Collect what a list is narrowed to, but for what has to be looked up."""
    name = parsed_args.name
    return Criteria(
        scope=scope,
        name=name if name is None else name.strip(),  # as Cinder does when it stores one
        status=parsed_args.status,
        is_incremental=True if parsed_args.incremental else False if parsed_args.full else None,
        properties=tuple(parsed_args.properties or ()),
        since=parsed_args.since,
        before=parsed_args.before,
        sort=parsed_args.sort,
        page_size=parsed_args.limit,
        most=parsed_args.max_items,
    )


def id_(text: str) -> str:
    """Accept an ID."""
    if not is_id(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no ID")
    return text


def positive(text: str) -> int:
    """Accept a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return int(text)


def add_property_filter(parser: argparse.ArgumentParser, what: str, feature: str) -> None:
    """Add ``--property``, which narrows what a command works on."""
    parser.add_argument(
        '--property',
        metavar='<key[=value]>',
        action='append',
        dest='properties',
        type=property_filter,
        help=f'{what}, with any value where none is given (repeat option for several, of which all '
        f'must match) {since(feature)}',
    )


def add_wait(parser: argparse.ArgumentParser, until: str) -> None:
    """Add ``--wait`` and its time limit."""
    parser.add_argument('--wait', action='store_true', default=False, help=f'Wait until {until}')
    add_timeout(parser)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add the time limit of a wait."""
    parser.add_argument(
        '--timeout',
        metavar='<duration>',
        type=duration,
        help='Stop waiting after this time, such as 90s, 30m or 12h, with exit status 3; the cloud '
        'goes on (default: no limit)',
    )


def check_timeout(parsed_args: argparse.Namespace) -> None:
    """Refuse a time limit where nothing is waited for.

    :raises UsageError: ``--timeout`` without ``--wait``.
    """
    if parsed_args.timeout is not None and not parsed_args.wait:
        raise errors.UsageError('--timeout is a limit for --wait: give both, or none.')


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
