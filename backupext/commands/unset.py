# SPDX-License-Identifier: Apache-2.0
"""``volume backup unset``."""

import argparse

from backupext import errors
from backupext.cli import base


class UnsetVolumeBackup(base.Command):
    """Unset volume backup properties."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'modify')
        options.add_requiring(
            parser,
            'unset --property',
            metavar='<key>',
            action='append',
            dest='properties',
            help='Property to remove from this backup (repeat option to remove multiple '
            'properties)',
        )
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that there is something to unset."""
        if not parsed_args.properties:
            raise errors.UsageError('Nothing to unset: give --property.')

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write the remaining properties: Cinder has no call that removes a single one."""
        from backupext.core.text import visible
        from backupext.operations.update import remove_properties

        backup = self.cloud.find_backup(parsed_args.backup)
        left, missing = remove_properties(backup.metadata or {}, parsed_args.properties)
        for key in missing:
            self.reporter.warn(f"Backup {backup} has no property '{visible(key)}'.")
        if left != (backup.metadata or {}):
            self.cloud.update_backup(backup, metadata=left)
