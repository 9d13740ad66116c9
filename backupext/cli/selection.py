# SPDX-License-Identifier: Apache-2.0
"""The arguments and options that select volumes."""

import argparse

from backupext import errors
from backupext.cli import types
from backupext.core.selection import Selection

_REPEAT = '(repeat option to specify multiple {})'


def add_volumes(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the argument for the volumes that a command works on.

    :param purpose: what the command does with them, such as ``back up``.
    """
    parser.add_argument(
        'volumes',
        metavar='<volume>',
        nargs='*',
        type=types.reference,
        help=f'Volume(s) to {purpose} (name or ID)',
    )


def add_volume_option(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add ``--volume``, for a command whose arguments are something else.

    :param purpose: what the command does with the volumes, such as ``verify``.
    """
    parser.add_argument(
        '--volume',
        metavar='<volume>',
        action='append',
        default=[],
        dest='volumes',
        type=types.reference,
        help=f'Volume to {purpose} (name or ID) {_REPEAT.format("volumes")}',
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select and exclude volumes."""
    group = parser.add_argument_group(
        'selection',
        'Volumes to work on: all that at least one option selects, except those that '
        'an option excludes.',
    )
    group.add_argument(
        '--server',
        metavar='<server>',
        action='append',
        default=[],
        dest='servers',
        type=types.reference,
        help='Select the volumes that are attached to a server (name or ID) '
        + _REPEAT.format('servers'),
    )
    group.add_argument(
        '--volume-property',
        metavar='<key>[=<value>]',
        action='append',
        default=[],
        dest='volume_properties',
        type=types.property_filter,
        help='Select volumes by property; without a value, any value matches '
        + _REPEAT.format('properties'),
    )
    group.add_argument(
        '--all-volumes', action='store_true', default=False, help='Include all volumes'
    )
    group.add_argument(
        '--exclude',
        metavar='<volume>',
        action='append',
        default=[],
        dest='excluded',
        type=types.reference,
        help='Exclude a volume (name or ID) ' + _REPEAT.format('volumes'),
    )
    group.add_argument(
        '--exclude-property',
        metavar='<key>[=<value>]',
        action='append',
        default=[],
        dest='excluded_properties',
        type=types.property_filter,
        help='Exclude volumes by property; without a value, any value matches '
        + _REPEAT.format('properties'),
    )
    group.add_argument(
        '--all-projects',
        action='store_true',
        default=False,
        help='Include all projects (admin only)',
    )


def selection(parsed_args: argparse.Namespace) -> Selection:
    """Return the selection that the arguments and options describe."""
    return Selection(
        volumes=tuple(parsed_args.volumes),
        servers=tuple(parsed_args.servers),
        properties=tuple(parsed_args.volume_properties),
        all_volumes=parsed_args.all_volumes,
        excluded=tuple(parsed_args.excluded),
        excluded_properties=tuple(parsed_args.excluded_properties),
    )


def check(parsed_args: argparse.Namespace) -> None:
    """Check that something selects a volume.

    :raises UsageError: nothing does.
    """
    if selection(parsed_args).is_empty:
        raise errors.UsageError(
            'No volume given: name at least one, or use --server, --volume-property or '
            '--all-volumes.'
        )
