# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands share."""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from backupext import errors
from backupext.cli import types
from backupext.core import features

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


def add_backup(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument that names the one backup a command works on."""
    parser.add_argument(
        'backup', metavar='<backup>', type=types.reference, help=f'Backup to {purpose} (name or ID)'
    )


def add_backups(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument that names the backups a command works on."""
    parser.add_argument(
        'backups',
        metavar='<backup>',
        nargs='+',
        type=types.reference,
        help=f'Backup(s) to {purpose}',
    )


def add_volumes(parser: argparse._ActionsContainer, what: str) -> None:
    """Add ``--volume``, for the volumes whose backups a command works on."""
    parser.add_argument(
        '--volume',
        metavar='<volume>',
        action='append',
        default=[],
        dest='volumes',
        type=types.reference,
        help=f'{what} of this volume (name or ID; the ID of a deleted volume too) '
        '(repeat option for several volumes)',
    )


class Requirement(NamedTuple):
    """A feature that a command requires: always, or where an option is given.

    :param feature: its name in :data:`backupext.core.features.OPTIONS`.
    :param dest: where the parser puts the option's value; none for the whole command.
    """

    feature: str
    dest: str = ''
    default: Any = None

    def applies(self, parsed_args: argparse.Namespace) -> bool:
        """Tell whether a command line requires it."""
        return not self.dest or getattr(parsed_args, self.dest) != self.default


def add_requiring(parser: argparse._ActionsContainer, feature: str, **kwargs: Any) -> None:
    """Add an option that requires a microversion; its help says so.

    The command checks it before its action, if the option is given.

    :param feature: command and option, such as ``create --property``.
    """
    option = feature.partition(' ')[2]
    kwargs['help'] += f' (requires Block Storage {features.OPTIONS[feature].since})'
    action = parser.add_argument(option, **kwargs)
    _declare(parser, Requirement(feature, action.dest, action.default))


def add_requirement(parser: argparse.ArgumentParser, command: str) -> None:
    """Have the whole command require a microversion; its description says so."""
    since = features.OPTIONS[command].since
    parser.description = f'{parser.description}\n\nRequires Block Storage {since}.'
    _declare(parser, Requirement(command))


def _declare(parser: argparse._ActionsContainer, requirement: Requirement) -> None:
    declared = parser.get_default('requirements') or ()
    parser.set_defaults(requirements=(*declared, requirement))


def add_scope(
    parser: argparse.ArgumentParser,
    what: str,
    type_: Callable[[str], Any] = types.optional_reference,
) -> None:
    """Add the options by which an administrator reaches beyond the own project.

    :param type_: of the project; an empty one counts as not given, as with the built-in commands.
    """
    parser.add_argument(
        '--project',
        metavar='<project>',
        type=type_,
        help=f'{what} this project only (name or ID) (admin only)',
    )
    parser.add_argument(
        '--all-projects',
        action='store_true',
        default=False,
        help=f'{what} all projects (admin only)',
    )


def add_property_filter(parser: argparse.ArgumentParser, what: str, feature: str = '') -> None:
    """Add ``--property``, which narrows what a command works on.

    :param feature: what requires a microversion, unless the whole command does.
    """
    described: dict[str, Any] = {
        'metavar': '<key[=value]>',
        'action': 'append',
        'dest': 'properties',
        'type': types.property_filter,
        'help': f'{what}, with any value where none is given (repeat option for several, of which '
        'all must match)',
    }
    if feature:
        add_requiring(parser, feature, **described)
    else:
        parser.add_argument('--property', **described)


def add_wait(parser: argparse.ArgumentParser, until: str) -> None:
    """Add ``--wait`` and its time limit."""
    parser.add_argument('--wait', action='store_true', default=False, help=f'Wait until {until}')
    add_timeout(parser)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add the time limit of a wait."""
    parser.add_argument(
        '--timeout',
        metavar='<duration>',
        type=types.duration,
        help='Stop waiting after this time, such as 90s, 30m or 12h, with exit status 3; the cloud '
        'goes on (default: no limit)',
    )


def check_timeout(parsed_args: argparse.Namespace) -> None:
    """Refuse a time limit where nothing is waited for.

    :raises UsageError: ``--timeout`` without ``--wait``.
    """
    if parsed_args.timeout is not None and not parsed_args.wait:
        raise errors.UsageError('--timeout is a limit for --wait: give both, or none.')
