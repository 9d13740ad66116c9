# SPDX-License-Identifier: Apache-2.0
"""``volume backup unset``."""

import argparse

from backupext import errors
from backupext.cli import base, options
from backupext.core.text import visible


class UnsetVolumeBackup(base.Command):
    """Unset volume backup properties."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what unset takes."""
        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'modify')
        parser.add_argument(
            '--property',
            metavar='<key>',
            action='append',
            dest='properties',
            help='Property to remove from this backup (repeat option to remove multiple '
            'properties) ' + options.since('unset --property'),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write the properties that are left: Cinder has no call that removes one."""
        from backupext.operations.update import without  # noqa: PLC0415  # see base.Command.cloud

        if not parsed_args.properties:
            raise errors.UsageError('Nothing to unset: give --property.')
        self.cloud.require('unset --property')
        backup = self.cloud.find_backup(parsed_args.backup)
        left, missing = without(backup.metadata or {}, parsed_args.properties)
        for key in missing:
            self.reporter.warn(f"'{visible(key)}' is not a property of backup {backup}")
        if left != (backup.metadata or {}):
            self.cloud.update_backup(backup, metadata=left)
