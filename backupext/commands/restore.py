# SPDX-License-Identifier: Apache-2.0
"""``volume backup restore``."""

import argparse
from typing import Any

from backupext.cli import base, columns, options


class RestoreVolumeBackup(base.ShowOne):
    """Restore volume backup."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what restore takes."""
        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'restore')
        parser.add_argument(
            'volume',
            metavar='<volume>',
            nargs='?',
            type=options.reference,
            help='Volume to restore to (name or ID of an existing volume, name of a new one; '
            "default: a new one with the source volume's name)",
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='Allow to restore to a volume that exists; its data is overwritten',
        )
        options.add_hidden_alias(
            parser, '--volume', dest='volume_option', metavar='<volume>', type=options.reference
        )
        options.accept_late_argument(parser, 'volume')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], Any]:
        """Ask for the restore, and show which volume it goes to."""
        from backupext.operations.restore import restore  # noqa: PLC0415  # see base.Command.cloud

        volume = options.one_of(parsed_args, 'volume', 'volume_option')
        restored = restore(self.cloud, parsed_args.backup, volume, force=parsed_args.force)
        return columns.RESTORED, columns.row(restored, columns.RESTORED)
