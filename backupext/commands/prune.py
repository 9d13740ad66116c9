# SPDX-License-Identifier: Apache-2.0
"""``volume backup prune``."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from backupext.cli import base


class PruneVolumeBackup(base.Lister):
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
        options.add_scope(parser, 'Prune the backups of')
        keep.add_options(parser)
        parser.add_argument(
            '--concurrency',
            metavar='<number>',
            type=types.positive,
            default=4,
            help='How many backups may be going at a time (default: 4)',
        )
        consent.add_options(parser)
        options.add_timeout(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Plan; what is printed is the same for a dry run and a real one."""
        from backupext.cli import columns, keep
        from backupext.operations import prune

        scope = self.cloud.scope(parsed_args.project, all_projects=parsed_args.all_projects)
        self._request = prune.Request(
            scope,
            parsed_args.volumes,
            tuple(parsed_args.properties or ()),
            keep.policy(parsed_args),
            datetime.now(timezone.utc),
            parsed_args.timezone,
            parsed_args.concurrency,
        )
        self._decisions = prune.plan(self.cloud, self._request)
        return columns.table(columns.PRUNE, self._decisions)

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Iterable[Any]
    ) -> int:
        """Print the plan, ask, and do it."""
        super().produce_output(parsed_args, column_names, data)
        doomed = sum(each.action.value == 'delete' for each in self._decisions)
        if doomed and not parsed_args.dry_run:
            self._execute(parsed_args, doomed)
        return 0

    def _execute(self, parsed_args: argparse.Namespace, doomed: int) -> None:
        from backupext.cli import consent
        from backupext.operations import prune

        question = f'{doomed} backup{"" if doomed == 1 else "s"} will be deleted.'
        consent.ask(self.app, parsed_args, question)
        failures = self.failures(doomed)
        with self.waiter(parsed_args) as waiter:
            prune.execute(self.cloud, waiter, self._decisions, self._request, failures)
        failures.conclude('{failed} of {total} backups were not deleted.', doomed)
