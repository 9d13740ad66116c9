# SPDX-License-Identifier: Apache-2.0
"""``volume backup record import``."""

import argparse

from backupext.cli import base


class ImportBackupRecord(base.ShowOne):
    """Import volume backup details.

    Exported backup details contain the metadata necessary to restore to a new or rebuilt service
    instance. The backup comes to belong to the project that imports it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what record import takes."""
        from backupext.cli import types

        parser = super().get_parser(prog_name)
        parser.add_argument(
            'backup_service',
            metavar='<backup_service>',
            type=types.reference,
            help='Backup service that the record names',
        )
        parser.add_argument(
            'backup_metadata',
            metavar='<backup_metadata>',
            type=types.reference,
            help='Record from export: its metadata, or backup_url',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Ask for the import, and show what the cloud calls the backup."""
        from backupext.cli import columns
        from backupext.operations.records import import_record

        record = (parsed_args.backup_service, parsed_args.backup_metadata)
        backup = import_record(self.cloud, *record)
        return columns.fields(columns.IMPORTED, backup)
