# SPDX-License-Identifier: Apache-2.0
"""``volume backup create``."""

import argparse
from typing import TYPE_CHECKING, Any

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from backupext.core.models import Backup
    from backupext.operations.create import Asked


class CreateVolumeBackup(base.ShowOne):
    """Create new volume backup."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, types, workarounds

        parser = super().get_parser(prog_name)
        parser.add_argument(
            'volume',
            metavar='<volume>',
            type=types.reference,
            help='Volume to back up (name or ID)',
        )
        parser.add_argument('--name', metavar='<name>', help='Name of the backup')
        parser.add_argument(
            '--description', metavar='<description>', help='Description of the backup'
        )
        parser.add_argument(
            '--container',
            metavar='<container>',
            help='Container to store the backup in, such as a Swift container or an S3 bucket '
            '(default: set by the cloud)',
        )
        parser.add_argument(
            '--snapshot',
            metavar='<snapshot>',
            type=types.optional_reference,
            help="Snapshot to back up instead of the volume's current data (name or ID)",
        )
        _add_kind(parser)
        options.add_requiring(
            parser,
            'create --property',
            metavar='<key=value>',
            action=workarounds.KeyValueAction,
            dest='properties',
            help='Set a property on this backup (repeat option to set multiple properties)',
        )
        options.add_requiring(
            parser,
            'create --availability-zone',
            metavar='<zone-name>',
            type=types.text_or_none,
            help="Availability zone to store the backup in (default: the volume's zone)",
        )
        options.add_wait(parser)
        workarounds.add_misunderstood(
            parser,
            '--volume',
            'give the volume as an argument and the name of the backup with --name',
        )
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that options are given with those that they require."""
        from backupext.cli import options

        options.check_timeout(parsed_args)
        if parsed_args.allow_full and not parsed_args.incremental:
            raise errors.UsageError('--allow-full requires --incremental.')

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Create the backup, wait for it with ``--wait``, and show its ID."""
        from backupext.cli import columns
        from backupext.operations.wait import only, until_available

        if not parsed_args.wait:
            asked = self._ask(parsed_args)
            self._note_kind(parsed_args, asked)
            return columns.fields(columns.CREATED, asked.backup)
        with self.schedule() as schedule:
            asked, made = self._ask(parsed_args), None
            try:
                made = schedule.do(only(until_available(asked.backup)))
            finally:
                # If the wait fails, the note says what was requested.
                self._note_kind(parsed_args, asked, made)
        return columns.fields(columns.CREATED, asked.backup)

    def _note_kind(
        self, parsed_args: argparse.Namespace, asked: 'Asked', made: 'Backup | None' = None
    ) -> None:
        from backupext.operations.create import describe

        if parsed_args.allow_full or asked.is_otherwise(made):
            self.reporter.note(describe(asked, made))

    def _ask(self, parsed_args: argparse.Namespace) -> 'Asked':
        from backupext.operations.create import Creation

        creation = Creation(
            self.cloud,
            self.clock,
            self.patience,
            self.reporter.note,
            is_waiting=parsed_args.wait,
        )
        return creation.create(
            parsed_args.volume,
            parsed_args.snapshot,
            is_incremental=parsed_args.incremental,
            allows_full=parsed_args.allow_full,
            **_attributes(parsed_args),
        )


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--force', action='store_true', default=False, help='Allow backing up an in-use volume'
    )
    parser.add_argument(
        '--incremental',
        action='store_true',
        default=False,
        help="Create an incremental backup: only the changes since the volume's latest backup",
    )
    parser.add_argument(
        '--no-incremental',
        action='store_false',
        dest='incremental',
        help='Create a full backup (default); overrides an earlier --incremental',
    )
    parser.add_argument(
        '--allow-full',
        action='store_true',
        default=False,
        help='With --incremental, create a full backup if the volume has no usable parent backup '
        'or has grown; the command reports the kind and the reason',
    )


def _attributes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the attributes of the backup that were given on the command line."""
    asked = {
        'name': parsed_args.name,
        'description': parsed_args.description,
        'container': parsed_args.container,
        'force': parsed_args.force or None,
        'metadata': parsed_args.properties,
        'availability_zone': parsed_args.availability_zone,
    }
    return {name: value for name, value in asked.items() if value is not None}
