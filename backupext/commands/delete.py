# SPDX-License-Identifier: Apache-2.0
"""``volume backup delete``."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backupext.cli import base

if TYPE_CHECKING:
    from backupext.operations.delete import Planned


class DeleteVolumeBackup(base.Command):
    """Delete volume backup(s), incrementals before what they build on."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what delete takes."""
        from backupext.cli import consent, options

        parser = super().get_parser(prog_name)
        options.add_backups(parser, 'delete (name or ID), in any order')
        parser.add_argument(
            '--force',
            action='store_true',
            default=False,
            help='Delete a backup in any state, not only available or error (admin only)',
        )
        parser.add_argument(
            '--cascade',
            action='store_true',
            default=False,
            help='Delete the incremental backups that build on these too, the newest first; shows '
            'what it will delete, and asks',
        )
        consent.add_options(parser, 'With --cascade: ')
        options.add_wait(parser, 'the backups are gone')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete; the failure of one does not keep the others from being tried."""
        from backupext.operations.bulk import find
        from backupext.operations.delete import Deletion, plan

        failures = self.failures(len(parsed_args.backups))
        found = find(self.cloud, parsed_args.backups, failures)
        total = failures.count
        planned = plan(self.cloud, found, cascade=parsed_args.cascade)
        total += len(planned)
        if self._is_approved(parsed_args, planned):
            with self.waiter(parsed_args) as waiter:
                asked = {'force': parsed_args.force, 'wait': parsed_args.wait}
                deletion = Deletion(self.cloud, waiter, failures, **asked)
                deletion.run([each.backup for each in planned])
        failures.conclude('{failed} of {total} backups failed to delete.', total)

    def _is_approved(self, parsed_args: argparse.Namespace, planned: Sequence['Planned']) -> bool:
        """Show the plan where there is more to it than what was named, and ask."""
        from backupext.cli import consent
        from backupext.operations.delete import NAMED

        if parsed_args.dry_run or parsed_args.cascade:
            for backup, reason in planned:
                self.app.stdout.write(f'Delete {backup}, created {backup.created_at}: {reason}\n')
        if parsed_args.dry_run:
            return False
        if any(reason != NAMED for _, reason in planned):
            consent.ask(self.app, parsed_args, 'These will be deleted.')
        return True
