# SPDX-License-Identifier: Apache-2.0
"""``volume backup record import``."""

import argparse

from backupext.cli import base


class ImportBackupRecord(base.ShowOne):
    """Import volume backup details.

    Exported backup details contain the metadata necessary to restore to a new or rebuilt service
    instance. The imported backup belongs to your project.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import types

        parser = super().get_parser(prog_name)
        parser.add_argument(
            'backup_service',
            metavar='<backup_service>',
            type=types.reference,
            help='Backup service from the exported record',
        )
        parser.add_argument(
            'backup_metadata',
            metavar='<backup_metadata>',
            type=types.reference,
            help='Encoded backup metadata from the exported record (Metadata or backup_url)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Import the record, and show the ID of the backup."""
        from backupext.cli import columns
        from backupext.operations.records import import_record

        record = (parsed_args.backup_service, parsed_args.backup_metadata)
        backup = import_record(self.cloud, *record)
        return columns.fields(columns.IMPORTED, backup)
