# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands share."""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from backupext import errors
from backupext.cli import types
from backupext.core import features

#: The statuses that Cinder gives a backup, and error_restoring, which only volumes have but which
#: the built-in command accepts.
STATUSES = (
    'creating',
    'available',
    'deleting',
    'error',
    'restoring',
    'error_restoring',
    'error_deleting',
)
#: The help of ``--status`` lists them.
ONE_STATUS = f'one of: {", ".join(STATUSES[:-1])} or {STATUSES[-1]}'

#: The help of ``--volume`` as a filter, of one volume or of several.
FILTER_BY_VOLUME = 'Filter backups by volume (name or ID, including the ID of a deleted volume)'


def add_backup(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument for the backup that a command works on.

    :param purpose: what the command does with it, such as ``restore``.
    """
    parser.add_argument(
        'backup', metavar='<backup>', type=types.reference, help=f'Backup to {purpose} (name or ID)'
    )


def add_backups(
    parser: argparse.ArgumentParser, purpose: str, nargs: str = '+', dest: str = 'backups'
) -> None:
    """Add the argument for the backups that a command works on.

    :param purpose: what the command does with them, such as ``delete``.
    :param nargs: how many, as in :mod:`argparse`.
    """
    parser.add_argument(
        dest,
        metavar='<backup>',
        nargs=nargs,
        type=types.reference,
        help=f'Backup(s) to {purpose} (name or ID)',
    )


def add_repeatable(
    parser: argparse._ActionsContainer, option: str, things: str, **kwargs: Any
) -> None:
    """Add an option that can be repeated, and say so in its help; the values are a list.

    :param things: what several values are, such as ``volumes``.
    """
    kwargs['help'] += f' (repeat option to specify multiple {things})'
    given: dict[str, Any] = {'action': 'append', 'default': [], 'type': types.reference}
    parser.add_argument(option, **(given | kwargs))


def add_volumes(parser: argparse._ActionsContainer) -> None:
    """Add ``--volume``, a filter that takes several volumes."""
    add_repeatable(
        parser, '--volume', 'volumes', metavar='<volume>', dest='volumes', help=FILTER_BY_VOLUME
    )


class Requirement(NamedTuple):
    """A feature that a command requires: always, or only if an option is given.

    :param feature: the key in :data:`backupext.core.features.OPTIONS`.
    :param dest: the attribute that holds the option's value; empty for the whole command.
    """

    feature: str
    dest: str = ''
    default: Any = None

    def applies(self, parsed_args: argparse.Namespace) -> bool:
        """Return whether a command line requires the feature."""
        return not self.dest or getattr(parsed_args, self.dest) != self.default


def add_requiring(parser: argparse._ActionsContainer, feature: str, **kwargs: Any) -> None:
    """Add an option that requires a microversion, and say so in its help.

    If the option is given, the command checks the microversion before its action.

    :param feature: command and option, such as ``create --property``.
    """
    option = feature.rpartition(' ')[2]
    kwargs['help'] += f' (requires Block Storage {features.OPTIONS[feature].since})'
    action = parser.add_argument(option, **kwargs)
    _declare(parser, Requirement(feature, action.dest, action.default))


def add_requirement(parser: argparse.ArgumentParser, command: str) -> None:
    """Require a microversion for the whole command, and say so in its description."""
    since = features.OPTIONS[command].since
    parser.description = f'{parser.description}\n\nRequires Block Storage {since}.'
    _declare(parser, Requirement(command))


def _declare(parser: argparse._ActionsContainer, requirement: Requirement) -> None:
    declared = parser.get_default('requirements') or ()
    parser.set_defaults(requirements=(*declared, requirement))


def add_scope(
    parser: argparse.ArgumentParser, type_: Callable[[str], Any] = types.optional_reference
) -> None:
    """Add ``--project`` and ``--all-projects``, for administrators.

    :param type_: the type of the project; by default an empty one is ignored, as the built-in
        commands do.
    """
    parser.add_argument(
        '--project',
        metavar='<project>',
        type=type_,
        help='Filter backups by project (name or ID) (admin only)',
    )
    parser.add_argument(
        '--all-projects',
        action='store_true',
        default=False,
        help='Include all projects (admin only)',
    )


def add_property_filter(parser: argparse._ActionsContainer, feature: str = '') -> None:
    """Add ``--property``, a filter.

    :param feature: the feature that the option requires, unless the whole command requires one.
    """
    described: dict[str, Any] = {
        'metavar': '<key>[=<value>]',
        'action': 'append',
        'dest': 'properties',
        'type': types.property_filter,
        'help': 'Filter backups by property; without a value, any value matches (repeat option to '
        'require multiple properties)',
    }
    if feature:
        add_requiring(parser, feature, **described)
    else:
        parser.add_argument('--property', **described)


def add_description(parser: argparse.ArgumentParser) -> None:
    """Add ``--description``, of a backup to create."""
    parser.add_argument('--description', metavar='<description>', help='Description of the backup')


def add_container(parser: argparse.ArgumentParser) -> None:
    """Add ``--container``, of a backup to create."""
    parser.add_argument(
        '--container',
        metavar='<container>',
        help='Container to store the backup in, such as a Swift container or an S3 bucket '
        '(default: set by the cloud)',
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add ``--force``, for a command that creates backups."""
    parser.add_argument(
        '--force', action='store_true', default=False, help='Allow backing up an in-use volume'
    )


def add_concurrency(parser: argparse.ArgumentParser, what: str, default: int = 4) -> None:
    """Add ``--concurrency``.

    :param what: what runs in parallel, such as ``deletions``.
    """
    parser.add_argument(
        '--concurrency',
        metavar='<number>',
        type=types.positive,
        default=default,
        help=f'Number of {what} to run at once (default: {default})',
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add ``--wait`` and ``--timeout``."""
    parser.add_argument(
        '--wait', action='store_true', default=False, help='Wait for the operation to complete'
    )
    add_timeout(parser)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add ``--timeout``, for a command that waits."""
    parser.add_argument(
        '--timeout',
        metavar='<duration>',
        type=types.duration,
        help='Maximum time to wait, such as 90s, 30m or 12h; on timeout, the operation continues '
        'and the exit status is 3 (default: no limit)',
    )


def check_timeout(parsed_args: argparse.Namespace) -> None:
    """Check that ``--timeout`` is given only with ``--wait``.

    :raises UsageError: ``--wait`` is missing.
    """
    if parsed_args.timeout is not None and not parsed_args.wait:
        raise errors.UsageError('--timeout requires --wait.')
