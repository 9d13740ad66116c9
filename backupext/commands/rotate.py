# SPDX-License-Identifier: Apache-2.0
"""``volume backup rotate``."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupext.core.outcomes import Outcome
    from backupext.operations.rotation_plan import Plan, Request

_NOTHING = 'Nothing was backed up or deleted'


class RotateVolumeBackup(base.Lister):
    """Back up volumes, and then delete their old backups.

    Each volume gets an incremental backup, or a full one when it needs one. When the new backup is
    available, the backups of the volume that no retention rule keeps are deleted. Only backups of
    the same rotation (see --label) are deleted. Without retention rules, nothing is deleted.

    The exit status is 0 if every volume has a new or recent backup, 1 if none has one, 3 if backups
    timed out, 4 if only some volumes have one, and 5 if another run is in progress.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import consent, keep, options, rotating, selection

        parser = super().get_parser(prog_name)
        # Labels are properties.
        options.add_requirement(parser, 'rotate')
        selection.add_volumes(parser, 'back up')
        selection.add_options(parser)
        rotating.add_options(parser)
        keep.add_options(parser, rotating.FAILED)
        options.add_concurrency(parser, 'backups')
        consent.add_options(parser, 'backed up and deleted, but do not change anything')
        options.add_timeout(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that volumes are selected, and that deletions can be confirmed."""
        from backupext.cli import consent, rotating, selection

        selection.check(parsed_args)
        rotating.check(parsed_args)
        if rotating.deletes(parsed_args) and not parsed_args.dry_run:
            consent.check(self.reporter, parsed_args, _NOTHING)

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Wait in any case: a volume is pruned when its new backup is available."""
        return True

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Rotate, print the outcomes, and return the exit status for them."""
        self._outcomes: Sequence[Outcome] = ()
        self._stopped: errors.StoppedWaitingError | None = None
        status = super().perform(parsed_args)
        return status if parsed_args.dry_run else self._conclude()

    def _conclude(self) -> int:
        """Print the summary, and return the exit status.

        :raises StoppedWaitingError: the run was interrupted.
        """
        from backupext.core.outcomes import exit_status, summarize

        if isinstance(self._stopped, errors.InterruptedByUserError):
            raise self._stopped
        if self._stopped:
            self.reporter.fail(self._stopped)
        self.reporter.note(summarize(self._outcomes))
        return exit_status(self._outcomes)

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Back up and prune the volumes, or show what a run would do."""
        from backupext.cli import rotating
        from backupext.operations import rotate

        request = rotating.request(parsed_args)
        if parsed_args.dry_run:
            return self._foresee(request)
        with rotate.lock(self.cloud, request):
            planned = self._plan(request)
            self._confirm(parsed_args, planned)
            self._outcomes = self._run(planned, request)
        return self._table()

    def _plan(self, request: 'Request') -> 'Plan':
        from backupext.operations import rotation_plan

        planned = rotation_plan.plan(self.cloud, request, self.reporter.warn)
        orphans = rotation_plan.explain_orphans(planned, request)
        if orphans:
            self.reporter.warn(orphans)
        return planned

    def _foresee(self, request: 'Request') -> base.Table:
        from backupext.cli import columns
        from backupext.operations import rotation_plan

        planned = self._plan(request)
        for sentence in rotation_plan.explain_need(planned, request):
            self.reporter.note(sentence)
        return columns.table(columns.ROTATION_PLAN, rotation_plan.foresee(planned, request))

    def _confirm(self, parsed_args: argparse.Namespace, planned: 'Plan') -> None:
        from backupext.cli import consent, rotating

        if rotating.deletes(parsed_args):
            volumes = len(planned.steps)
            sentence = (
                f'{volumes} volume{"" if volumes == 1 else "s"} will be backed up, and then the '
                'backups that no retention rule keeps will be deleted.'
            )
            with self.patience.stopped():
                consent.ask(self.reporter, parsed_args, sentence, _NOTHING)

    def _run(self, planned: 'Plan', request: 'Request') -> 'Sequence[Outcome]':
        from backupext.operations.create import Creation
        from backupext.operations.rotate import Run
        from backupext.operations.rotation_plan import Book

        book = Book(planned)
        note = self.reporter.note
        creation = Creation(self.cloud, self.clock, self.patience, note, is_waiting=True)
        with self.schedule(book.watch) as schedule:
            run = Run(
                planned,
                request,
                book,
                schedule=schedule,
                creation=creation,
                clock=self.clock,
                fail=self.reporter.fail,
            )
            try:
                run.execute()
            except errors.StoppedWaitingError as error:
                self._stopped = error
        return run.outcomes

    def _table(self) -> base.Table:
        from backupext.cli import columns

        return columns.table(columns.ROTATION, self._outcomes)
