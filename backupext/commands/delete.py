# SPDX-License-Identifier: Apache-2.0
"""``volume backup delete``."""

import argparse

from backupext.cli import consent, options, plans


class DeleteVolumeBackup(plans.PlanningCommand):
    """Delete volume backup(s), incrementals before what they build on."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what delete takes."""
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

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Wait with ``--cascade`` too: each has to be gone before what it builds on."""
        return bool(parsed_args.wait or parsed_args.cascade)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Choose what is deleted, and show it where there is more to it than what was named."""
        from backupext.operations import delete, listing

        self._failures = self.failures(len(parsed_args.backups))
        found = listing.find_many(self.cloud, parsed_args.backups, self._failures)
        missing = self._failures.count
        self._planned = delete.choose(self.cloud, found, cascade=parsed_args.cascade)
        self._total = missing + len(self._planned)
        if parsed_args.dry_run or parsed_args.cascade:
            for backup, reason in self._planned:
                self.app.stdout.write(f'Delete {backup}, created {backup.created_at}: {reason}\n')
        if parsed_args.dry_run:
            self._conclude()

    def question(self) -> str | None:
        """Ask where more is deleted than what was named."""
        from backupext.operations.delete import NAMED

        if any(reason != NAMED for _, reason in self._planned):
            return 'These will be deleted.'
        return None

    def act(self, parsed_args: argparse.Namespace) -> None:
        """Delete; the failure of one does not keep the others from being tried."""
        from backupext.operations.delete import Deletion, Way

        way = Way(force=parsed_args.force, wait=parsed_args.wait)
        with self.schedule() as schedule:
            deletion = Deletion(self.cloud, schedule, self._failures, way)
            deletion.run([each.backup for each in self._planned])
        self._conclude()

    def _conclude(self) -> None:
        self._failures.conclude('{failed} of {total} backups failed to delete.', self._total)
