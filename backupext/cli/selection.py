# SPDX-License-Identifier: Apache-2.0
"""The arguments and options that select volumes."""

import argparse

from backupext import errors
from backupext.cli import options, types
from backupext.core.selection import Selection


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
    options.add_repeatable(
        parser,
        '--volume',
        'volumes',
        metavar='<volume>',
        dest='volumes',
        help=f'Volume to {purpose} (name or ID)',
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select and exclude volumes."""
    group = parser.add_argument_group(
        'selection',
        'Volumes to work on: all that at least one option selects, except those that '
        'an option excludes.',
    )
    options.add_repeatable(
        group,
        '--server',
        'servers',
        metavar='<server>',
        dest='servers',
        help='Select the volumes that are attached to a server (name or ID)',
    )
    options.add_repeatable(
        group,
        '--volume-property',
        'properties',
        metavar='<key>[=<value>]',
        dest='volume_properties',
        type=types.property_filter,
        help='Select volumes by property; without a value, any value matches',
    )
    group.add_argument(
        '--all-volumes', action='store_true', default=False, help='Include all volumes'
    )
    options.add_repeatable(
        group,
        '--exclude',
        'volumes',
        metavar='<volume>',
        dest='excluded',
        help='Exclude a volume (name or ID)',
    )
    options.add_repeatable(
        group,
        '--exclude-property',
        'properties',
        metavar='<key>[=<value>]',
        dest='excluded_properties',
        type=types.property_filter,
        help='Exclude volumes by property; without a value, any value matches',
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
