# SPDX-License-Identifier: Apache-2.0
"""``volume backup delete``."""

import argparse

from backupext.cli import base, options


class DeleteVolumeBackup(base.Command):
    """Delete volume backup(s)."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what delete takes."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'backups',
            metavar='<backup>',
            nargs='+',
            type=options.reference,
            help='Backup(s) to delete (name or ID)',
        )
        parser.add_argument(
            '--force',
            action='store_true',
            default=False,
            help='Delete a backup in any state, not only available or error (admin only)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Ask for each deletion; the failure of one does not keep the others from being tried."""
        from backupext.operations.delete import delete  # noqa: PLC0415  # see base.Command.cloud

        self.try_each(
            parsed_args.backups,
            lambda reference: delete(self.cloud, reference, force=parsed_args.force),
            '{failed} of {total} backups failed to delete.',
        )
