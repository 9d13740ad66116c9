# SPDX-License-Identifier: Apache-2.0
"""``volume backup delete``."""

import argparse
from typing import TYPE_CHECKING

from backupext.cli import plans

if TYPE_CHECKING:
    from backupext.core.models import Backup


class DeleteVolumeBackup(plans.PlanningCommand):
    """Delete volume backup(s).

    Backups can be given in any order: incremental backups are deleted before their parents.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import consent, options

        parser = super().get_parser(prog_name)
        options.add_backups(parser, 'delete')
        parser.add_argument(
            '--force',
            action='store_true',
            default=False,
            help='Allow deleting backups in any state, not only available or error (admin only)',
        )
        parser.add_argument(
            '--cascade',
            action='store_true',
            default=False,
            help='Also delete dependent backups, newest first, after listing them and asking for '
            'confirmation',
        )
        consent.add_options(parser)
        options.add_wait(parser)
        return parser

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Wait with ``--cascade`` too: a backup must be gone before its parent can be deleted."""
        return bool(parsed_args.wait or parsed_args.cascade)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Choose the backups to delete, and list them with ``--cascade`` or ``--dry-run``."""
        from backupext.operations import delete, listing

        self._failures = self.failures(len(parsed_args.backups))
        found = listing.find_many(self.cloud, parsed_args.backups, self._failures)
        missing = self._failures.count
        choice = delete.Choice(self.cloud, found)
        self._planned = choice.make(cascade=parsed_args.cascade, is_forced=parsed_args.force)
        self._total = missing + len(self._planned)
        if parsed_args.dry_run or parsed_args.cascade:
            for each in self._planned:
                self.app.stdout.write(f'{each.line}\n')
        if parsed_args.dry_run:
            self._conclude()

    def question(self, _parsed_args: argparse.Namespace) -> str | None:
        """Ask about backups that were not named, and about deletions that endanger others."""
        from backupext.cli import consent

        endangered = [each.warning for each in self._planned if each.endangered]
        if endangered and self.reporter.can_ask:
            return ' '.join(endangered)
        if any(not each.is_named for each in self._planned):
            return consent.announcement(len(self._planned))
        return None

    def act(self, parsed_args: argparse.Namespace) -> None:
        """Delete the backups; after a failure, go on with the others."""
        from backupext.operations.delete import Deletion, Way

        way = Way(force=parsed_args.force, wait=parsed_args.wait)
        with self.schedule() as schedule:
            deletion = Deletion(self.cloud, schedule, self._failures, way)
            deletion.run(self._agreed(parsed_args))
        self._conclude()

    def _agreed(self, parsed_args: argparse.Namespace) -> list['Backup']:
        """Leave out deletions that endanger other backups, if nobody can confirm them."""
        agreed = parsed_args.auto_approve or self.reporter.can_ask
        for each in self._planned:
            if each.endangered and not agreed:
                self._failures(each.refusal)
        return [each.backup for each in self._planned if agreed or not each.endangered]

    def _conclude(self) -> None:
        self._failures.conclude('{failed} of {total} backups failed to delete.', self._total)
