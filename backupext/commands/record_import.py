# SPDX-License-Identifier: Apache-2.0
"""``volume backup record import``."""

import argparse
from typing import TYPE_CHECKING, Any

from backupext import errors
from backupext.cli import base, plans

if TYPE_CHECKING:
    from backupext.core.records import Document
    from backupext.operations.record_import import Plan


class ImportBackupRecord(plans.PlanningCommand, base.ShowOneOrRows):
    """Import volume backup details.

    Exported backup details contain the metadata necessary to restore to a new or rebuilt service
    instance. The imported backup belongs to your project.

    With --input-file, import all records of files that record export has written. The command
    checks the files, lists what it does with each record, and imports parents before the backups
    that build on them. What the cloud has already is skipped, so an import that was interrupted can
    be run again.
    """

    _plan: 'Plan | None'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, types, workarounds

        parser = super().get_parser(prog_name)
        parser.add_argument(
            'backup_service',
            metavar='<backup_service>',
            nargs='?',
            type=types.reference,
            help='Backup service from the exported record',
        )
        parser.add_argument(
            'backup_metadata',
            metavar='<backup_metadata>',
            nargs='?',
            type=types.reference,
            help='Encoded backup metadata from the exported record (Metadata or backup_url)',
        )
        parser.add_argument(
            '--input-file',
            metavar='<path>',
            nargs='+',
            action='extend',
            default=[],
            dest='input_files',
            type=types.path,
            help='Import the records of these files, which record export --output-file has written',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            default=False,
            help='Show what would be imported, but do not import anything',
        )
        options.add_requiring(
            parser,
            'record import --property',
            metavar='<key=value>',
            action=workarounds.KeyValueAction,
            dest='properties',
            help='Set a property on each imported backup, besides those that it had (repeat option '
            'to set multiple properties)',
        )
        options.add_wait(parser)
        workarounds.accept_late_argument(parser, 'backup_metadata')
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that there is one record, or at least one file."""
        from backupext.cli import options

        super().check_usage(parsed_args)
        if parsed_args.input_files:
            if parsed_args.backup_service is not None:
                raise errors.UsageError('Give a record or --input-file, not both.')
            return
        options.check_timeout(parsed_args)
        if parsed_args.backup_metadata is None:
            raise errors.UsageError(
                'Give <backup_service> and <backup_metadata>, or use --input-file.'
            )
        for option, is_given in (
            ('--dry-run', parsed_args.dry_run),
            ('--property', parsed_args.properties),
        ):
            if is_given:
                raise errors.UsageError(f'{option} requires --input-file.')

    def prints_rows(self, parsed_args: argparse.Namespace) -> bool:
        """Print a row for each record of a file."""
        return bool(parsed_args.input_files)

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Wait with files too: a backup is imported when its parent is available."""
        return bool(parsed_args.wait or parsed_args.input_files)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List what to import from files, or import one record and show the backup."""
        from backupext.cli import columns

        if not parsed_args.input_files:
            self._plan = None
            return columns.fields(columns.IMPORTED, self._import_one(parsed_args))
        from backupext.operations import record_import

        documents = record_import.read_documents(parsed_args.input_files)
        self._plan = record_import.plan(self.cloud, documents)
        for document in documents:
            self.reporter.note(_describe(document))
        self.reporter.note(f'Imported backups belong to {self.cloud.source}.')
        self._warn(parsed_args)
        return columns.table(columns.IMPORT, self._plan.decisions)

    def _import_one(self, parsed_args: argparse.Namespace) -> Any:
        from backupext.operations import record_import

        record = (parsed_args.backup_service, parsed_args.backup_metadata)
        imported = record_import.import_record(self.cloud, *record)
        if not parsed_args.wait:
            return imported
        with self.schedule() as schedule:
            return schedule.do(record_import.wait_for_import(imported))

    def _warn(self, parsed_args: argparse.Namespace) -> None:
        """Say what the user has to know before the import."""
        if self._plan is None:
            return
        self.reporter.warn(
            'Deleting an imported backup deletes its data, for every cloud that shares the storage.'
        )
        if self._plan.orphans:
            names = ', '.join(str(each) for each in self._plan.orphans)
            self.reporter.warn(
                f'What these backups build on is neither in the files nor in the cloud: {names}. '
                'Without it, they cannot be restored on most storage.'
            )
        if self._plan.shortage and parsed_args.dry_run:
            self.reporter.warn(f'The import would be refused: {self._plan.shortage}.')

    def has_work(self) -> bool:
        """Return whether there is anything to import, or to refuse."""
        return self._plan is not None and any(
            each.is_work or each.action.value == 'refuse' for each in self._plan.decisions
        )

    def question(self, _parsed_args: argparse.Namespace) -> str | None:
        """Ask nothing: an import destroys nothing."""
        return None

    def act(self, parsed_args: argparse.Namespace) -> None:
        """Import the records; after a failure, go on with those that do not need it."""
        from backupext.operations import record_import

        if self._plan is None:
            return
        record_import.check_quota(self._plan)
        decisions = [each for each in self._plan.decisions if each.action.value != 'skip']
        failures = self.failures(len(decisions))
        with self.schedule() as schedule:
            record_import.Import(
                schedule, failures, wait=parsed_args.wait, properties=parsed_args.properties
            ).run(decisions)
        failures.conclude(
            '{failed} of {total} backups were not imported.',
            len(decisions),
            tells_some_from_all=True,
        )


def _describe(document: 'Document') -> str:
    count = len(document.records)
    return (
        f'{count} record{"" if count == 1 else "s"} of {document.source}, exported at '
        f'{document.exported_at}'
    )
