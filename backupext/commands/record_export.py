# SPDX-License-Identifier: Apache-2.0
"""``volume backup record export``."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from backupext.operations.record_export import Request, Summary

# Headers for people. Scripts get the names of the API, as with cinderclient.
_HEADERS = {'backup_service': 'Backup Service', 'backup_url': 'Metadata'}


class ExportBackupRecord(base.ShowOne):
    """Export volume backup details.

    The exported record can be imported into a new or rebuilt service instance to restore the
    backup there. With --output-file, export the records of any number of backups of your project to
    a file, which record import reads.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, types

        parser = super().get_parser(prog_name)
        options.add_backups(parser, 'export', nargs='*', dest='backup')
        parser.add_argument(
            '--output-file',
            metavar='<path>',
            type=types.path,
            help='Write the records to this file, or to a file in this folder, whose name then has '
            'the name and ID of the project',
        )
        options.add_volumes(parser)
        parser.add_argument(
            '--all',
            action='store_true',
            default=False,
            help='Export all available backups of your project',
        )
        options.add_property_filter(parser, 'record export --property')
        parser.add_argument(
            '--chain',
            action='store_true',
            default=False,
            help='Also export the backups that the exported ones build on',
        )
        parser.add_argument(
            '--update',
            action='store_true',
            default=False,
            help='Keep what the file has, export only what it lacks, and remove the records of '
            'deleted backups',
        )
        options.add_timeout(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that it is clear what to export, and where to."""
        kinds = [bool(parsed_args.backup), bool(parsed_args.volumes), parsed_args.all]
        if sum(kinds) != 1:
            raise errors.UsageError('Give backups, --volume or --all, and only one of these.')
        if parsed_args.properties and parsed_args.backup:
            raise errors.UsageError('--property requires --volume or --all.')
        if parsed_args.output_file:
            return
        extended = {
            '--volume': parsed_args.volumes,
            '--all': parsed_args.all,
            '--chain': parsed_args.chain,
            '--update': parsed_args.update,
            '--timeout': parsed_args.timeout is not None,
            'More than one backup': len(parsed_args.backup) > 1,
        }
        for what, is_given in extended.items():
            if is_given:
                raise errors.UsageError(f'{what} requires --output-file.')

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Retry requests for a file: one that fails would leave a backup without its record."""
        return bool(parsed_args.output_file)

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Export and print; then report how many records could not be exported."""
        self._failures = self.failures(len(parsed_args.backup))
        status = super().perform(parsed_args)
        self._failures.conclude(
            '{failed} of {total} records were not exported.', self._failures.count + self._exported
        )
        return status

    _exported = 0

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Export to a file and say what it has, or export one record and show it."""
        from backupext.cli import columns

        if parsed_args.output_file:
            return columns.fields(columns.EXPORTED, self._export(parsed_args))
        record = self.cloud.export_record(self.cloud.find_backup(parsed_args.backup[0]))
        headers = _HEADERS if parsed_args.formatter == 'table' else {}
        names = sorted(record)
        return (
            tuple(headers.get(name, name) for name in names),
            tuple(columns.safe(record[name]) for name in names),
        )

    def _export(self, parsed_args: argparse.Namespace) -> 'Summary':
        from backupext.operations import record_export

        output = record_export.open_output(
            self.cloud, parsed_args.output_file, update=parsed_args.update
        )
        export = record_export.Export(self.cloud, self.patience, self._failures, self.reporter.warn)
        summary = export.run(_request(parsed_args), output)
        if summary is None:
            self._failures.conclude('None of {total} records was exported.', self._failures.count)
            raise errors.RefusedError('No backup to export: nothing was written.')
        self._exported = summary.exported
        return summary


def _request(parsed_args: argparse.Namespace) -> 'Request':
    from backupext.operations.record_export import Request

    return Request(
        parsed_args.backup,
        parsed_args.volumes,
        tuple(parsed_args.properties or ()),
        chain=parsed_args.chain,
    )
