# SPDX-License-Identifier: Apache-2.0
"""``volume backup record export``."""

import argparse

from backupext.cli import base

# Headers for people. Scripts get the names of the API, as with cinderclient.
_HEADERS = {'backup_service': 'Backup Service', 'backup_url': 'Metadata'}


class ExportBackupRecord(base.ShowOne):
    """Export volume backup details.

    The exported record can be imported into a new or rebuilt service instance to restore the
    backup there.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'export')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Export the record and show it."""
        from backupext.cli import columns

        record = self.cloud.export_record(self.cloud.find_backup(parsed_args.backup))
        headers = _HEADERS if parsed_args.formatter == 'table' else {}
        names = sorted(record)
        return (
            tuple(headers.get(name, name) for name in names),
            tuple(columns.safe(record[name]) for name in names),
        )
