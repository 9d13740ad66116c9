# SPDX-License-Identifier: Apache-2.0
"""``volume backup prune``."""

import argparse

from backupext.cli import base, plans


class PruneVolumeBackup(plans.PlanningCommand, base.Lister):
    """Delete volume backups that no retention rule keeps.

    The command lists each backup with its decision and the reasons, asks for confirmation, and
    deletes the newest backups first. Backups that do not match the filters are not deleted. A
    backup is also kept if a backup that is kept depends on it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import consent, keep, options, types

        parser = super().get_parser(prog_name)
        # Properties can protect backups: if they cannot be read, nothing may be deleted.
        options.add_requirement(parser, 'prune')
        which = parser.add_mutually_exclusive_group(required=True)
        options.add_volumes(which)
        which.add_argument(
            '--all-volumes', action='store_true', default=False, help='Include all volumes'
        )
        options.add_property_filter(parser)
        options.add_scope(parser, types.reference)
        keep.add_options(parser)
        options.add_concurrency(parser, 'deletions')
        consent.add_options(parser)
        options.add_timeout(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that a rule is given: without one, every backup would be deleted."""
        from backupext import errors
        from backupext.cli import keep

        if keep.policy(parsed_args).is_empty:
            raise errors.UsageError('No retention rule given: use at least one --keep option.')

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Wait in any case: a backup must be gone before its parent can be deleted."""
        return True

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """List the decision for each backup that matches the filters."""
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
        """Return the number of backups to delete; the list above shows which."""
        from backupext.cli import consent

        return consent.announcement(self._doomed)

    def act(self, _parsed_args: argparse.Namespace) -> None:
        """Delete the backups, newest first."""
        from backupext.operations import prune

        failures = self.failures(self._doomed)
        with self.schedule() as schedule:
            prune.execute(schedule, self._decisions, self._request, failures)
        failures.conclude('{failed} of {total} backups were not deleted.', self._doomed)

    def has_work(self) -> bool:
        """Return whether there are backups to delete."""
        return self._doomed > 0
