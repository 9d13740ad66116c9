# SPDX-License-Identifier: Apache-2.0
"""The options of a rotation."""

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from backupext import errors
from backupext.cli import keep, options, selection, types, workarounds
from backupext.core import labels, rotation
from backupext.core.filters import Scope

if TYPE_CHECKING:
    from backupext.operations.rotation_plan import Request


#: The help of ``--delete-failed``.
FAILED = (
    "Delete a volume's failed backups only if they are at least this old, such as 7d (default: all "
    'that are older than its new backup)'
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which backups a rotation creates."""
    parser.add_argument(
        '--label',
        metavar='<label>',
        type=types.label,
        default=labels.DEFAULT_LABEL,
        help='Name of the rotation, stored as a property of its backups; only backups with this '
        f'label are deleted (default: {labels.DEFAULT_LABEL})',
    )
    _add_kind(parser)
    _add_time(parser)
    _add_attributes(parser)


def _add_kind(parser: argparse.ArgumentParser) -> None:
    full = parser.add_mutually_exclusive_group()
    full.add_argument(
        '--full-every',
        metavar='<duration>',
        type=types.duration,
        help='Create a full backup of a volume before its oldest full backup in use is older than '
        'this; the full backups of many volumes are spread over this period (default: 7d)',
    )
    options.add_repeatable(
        full,
        '--full-on',
        'days',
        metavar='<weekday>',
        type=types.weekday,
        help='Create full backups on this day of the week, such as sunday',
    )
    parser.add_argument(
        '--max-chain',
        metavar='<number>',
        type=types.positive,
        help='Maximum number of backups in a chain, including the full one; 1 means that every '
        'backup is full (default: no limit)',
    )
    options.add_force(parser)


def _add_time(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--skip-newer-than',
        metavar='<duration>',
        type=types.duration,
        help='Skip volumes with a backup of this rotation that is newer than this, such as 20h',
    )
    parser.add_argument(
        '--start-within',
        metavar='<duration>',
        type=types.duration,
        help='Start no backup later than this after the start of the command (default: no limit)',
    )
    parser.add_argument(
        '--shard',
        metavar='<number>/<count>',
        type=types.shard,
        help='Work on one part of the volumes only, such as 1/4 for the first of four parts',
    )


def _add_attributes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--name-format',
        metavar='<format>',
        type=types.name_format(rotation.NAME_FIELDS),
        default=rotation.DEFAULT_NAME_FORMAT,
        help='Format of the names of backups, with the fields {volume}, {volume_id}, {label}, '
        f'{{kind}}, {{date}} and {{time}} (default: {rotation.DEFAULT_NAME_FORMAT})',
    )
    options.add_description(parser)
    options.add_container(parser)
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        action=workarounds.KeyValueAction,
        dest='properties',
        help='Set a property on the backups (repeat option to set multiple properties)',
    )


def deletes(parsed_args: argparse.Namespace) -> bool:
    """Return whether a run deletes backups: only with retention rules."""
    return not keep.policy(parsed_args).is_empty


def check(parsed_args: argparse.Namespace) -> None:
    """Check that options are given with those that they require.

    :raises UsageError: an option needs a retention rule, or a property is reserved.
    """
    if not deletes(parsed_args):
        for option in ('delete_failed', 'allow_empty', 'protect_property'):
            if getattr(parsed_args, option):
                raise errors.UsageError(
                    f'--{option.replace("_", "-")} requires a retention rule, such as --keep-last.'
                )
    reserved = [key for key in parsed_args.properties or () if labels.is_reserved(key)]
    if reserved:
        raise errors.UsageError(f"Property '{reserved[0]}' is set by the rotation itself.")


def request(parsed_args: argparse.Namespace) -> 'Request':
    """Return the rotation that the options describe."""
    from backupext.operations.rotation_plan import Request, Shard

    return Request(
        selection=selection.selection(parsed_args),
        scope=Scope(all_projects=parsed_args.all_projects),
        policy=_policy(parsed_args),
        keep=keep.policy(parsed_args) if deletes(parsed_args) else None,
        zone=parsed_args.timezone,
        shard=Shard(*parsed_args.shard) if parsed_args.shard else None,
        start_within=parsed_args.start_within,
        name_format=parsed_args.name_format,
        description=parsed_args.description,
        properties=parsed_args.properties or {},
        concurrency=parsed_args.concurrency,
    )


def _policy(parsed_args: argparse.Namespace) -> rotation.Policy:
    return rotation.Policy(
        label=parsed_args.label,
        full_every=parsed_args.full_every or timedelta(days=7),
        full_on=frozenset(parsed_args.full_on),
        max_chain=parsed_args.max_chain,
        skip_newer_than=parsed_args.skip_newer_than,
        force=parsed_args.force,
        container=parsed_args.container,
    )
