# SPDX-License-Identifier: Apache-2.0
"""``volume backup prune``."""

import argparse

from backupext.cli import base, plans


class PruneVolumeBackup(plans.PlanningCommand, base.Lister):
    """Delete volume backups that no rule keeps.

    Shows what becomes of each backup and why, asks, and deletes the newest first, so that none is
    deleted before what builds on it. Rules are independent: what one of them keeps is kept, and so
    is everything that it needs.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what prune takes."""
        from backupext.cli import consent, keep, options, types

        parser = super().get_parser(prog_name)
        # Properties protect backups: without seeing them nothing may be deleted.
        options.add_requirement(parser, 'prune')
        which = parser.add_mutually_exclusive_group(required=True)
        options.add_volumes(which, 'Prune the backups')
        which.add_argument(
            '--all-volumes',
            action='store_true',
            default=False,
            help='Prune the backups of every volume',
        )
        options.add_property_filter(parser, 'Prune backups with this property only')
        options.add_scope(parser, 'Prune the backups of', types.reference)
        keep.add_options(parser)
        parser.add_argument(
            '--concurrency',
            metavar='<number>',
            type=types.positive,
            default=4,
            help='Number of deletions to run at once (default: 4)',
        )
        consent.add_options(parser)
        options.add_timeout(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Refuse to delete everything."""
        from backupext import errors
        from backupext.cli import keep

        if keep.policy(parsed_args).is_empty:
            raise errors.UsageError('No retention rule given: use at least one --keep option.')

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Wait always."""
        return True

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Decide for each backup in scope, and show it."""
        from backupext.cli import columns, keep
        from backupext.operations import prune

        scope = self.scope(parsed_args)
        self._request = prune.Request(
            scope,
            parsed_args.volumes,
            tuple(parsed_args.properties or ()),
            keep.policy(parsed_args),
            parsed_args.timezone,
            parsed_args.concurrency,
        )
        self._decisions = prune.decide(self.cloud, self._request)
        self._doomed = sum(each.action.value == 'delete' for each in self._decisions)
        for sentence in prune.explain_pins(self._decisions):
            self.reporter.warn(sentence)
        return columns.table(columns.PRUNE, self._decisions)

    def question(self, _parsed_args: argparse.Namespace) -> str | None:
        """Name the number of backups; the rows above show which."""
        return f'{self._doomed} backup{"" if self._doomed == 1 else "s"} will be deleted.'

    def act(self, _parsed_args: argparse.Namespace) -> None:
        """Delete, the newest first."""
        from backupext.operations import prune

        failures = self.failures(self._doomed)
        with self.schedule() as schedule:
            prune.execute(schedule, self._decisions, self._request, failures)
        failures.conclude('{failed} of {total} backups were not deleted.', self._doomed)

    def has_work(self) -> bool:
        """Tell whether anything is to be deleted."""
        return self._doomed > 0
