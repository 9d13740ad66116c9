# SPDX-License-Identifier: Apache-2.0
"""``volume backup wait``."""

import argparse

from backupext import errors
from backupext.cli import base


class WaitVolumeBackup(base.Command):
    """Wait for volume backup(s) to become available, reach another status, or be deleted."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_backups(parser, 'wait for')
        goal = parser.add_mutually_exclusive_group()
        goal.add_argument(
            '--status',
            metavar='<status>',
            choices=options.STATUSES,
            default='available',
            help=f'Status to wait for, {options.ONE_STATUS} (default: available)',
        )
        goal.add_argument(
            '--deleted',
            action='store_true',
            default=False,
            help='Wait until the backups are deleted',
        )
        options.add_timeout(parser)
        return parser

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Wait in any case."""
        return True

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Wait for all backups; after a failure, go on with the others."""
        from backupext.operations import listing, wait
        from backupext.operations.schedule import Work

        status = None if parsed_args.deleted else parsed_args.status
        failures = self.failures(len(parsed_args.backups))

        def not_found(error: errors.BackupError) -> None:
            # A backup that is already gone is not a failure if it was to be deleted.
            if status is not None or not isinstance(error, errors.NotFoundError):
                failures(error)

        with self.schedule() as schedule:
            backups = listing.find_many(self.cloud, parsed_args.backups, not_found)
            works = [
                Work(backup.id, f'backup {backup}', wait.only(wait.until(backup, status)))
                for backup in backups
            ]
            for done in schedule.run(works):
                if done.error:
                    failures(done.error)
        failures.conclude(
            'Waiting failed for {failed} of {total} backups.', len(parsed_args.backups)
        )
