# SPDX-License-Identifier: Apache-2.0
"""``volume backup verify``."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from backupext.operations.schedule import Schedule
    from backupext.operations.verify import Drill, Request


class VerifyVolumeBackup(base.Lister):
    """Test that volume backup(s) can be restored.

    Each backup is restored to a new scratch volume, which is deleted afterwards. Backups are given
    by name or ID. Or the newest restorable backup of each selected volume is tested. The command
    shows how long each restore took.

    A restore fails if an object of the backup, or of a backup that it builds on, is missing or
    cannot be read. The command does not look at the restored data: it does not show that the data
    is what was backed up, that a file system is intact, or that a server starts from it.

    The scratch volume is also deleted if the restore fails, on timeout, and on Ctrl-C or SIGTERM,
    as soon as its restore has ended. A scratch volume that remains is deleted by the next run.

    The exit status is 0 if all backups were verified, 1 if none was, 3 if the others timed out, 4
    if only some were verified, and 130 if the command was interrupted.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, selection, types

        parser = super().get_parser(prog_name)
        options.add_requirement(parser, 'verify')
        options.add_backups(parser, 'verify', nargs='*')
        selection.add_volume_option(parser, 'verify')
        selection.add_options(parser)
        parser.add_argument(
            '--label',
            metavar='<label>',
            type=types.reference,
            help='Consider only backups of the rotation with this label',
        )
        parser.add_argument(
            '--sample',
            metavar='<number>',
            type=types.positive,
            help='Verify a random sample of N of the selected volumes (default: all)',
        )
        parser.add_argument(
            '--max-size',
            metavar='<size>',
            type=types.positive,
            help='Skip backups of more than this size in GiB (default: no limit)',
        )
        parser.add_argument(
            '--keep',
            action='store_true',
            default=False,
            help='Keep the restored volumes of verified backups, and show their IDs',
        )
        options.add_concurrency(parser, 'restores', default=1)
        options.add_timeout(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that either backups are named or volumes are selected."""
        from backupext.cli import selection

        is_selecting = not selection.selection(parsed_args).is_empty
        if bool(parsed_args.backups) == is_selecting:
            raise errors.UsageError(
                'Name at least one backup, or select volumes with --volume, --server, '
                '--volume-property or --all-volumes, but not both.'
            )
        if parsed_args.backups and (parsed_args.label is not None or parsed_args.sample):
            raise errors.UsageError('--label and --sample require selected volumes.')

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Wait in any case: a scratch volume is deleted after its restore."""
        return True

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Verify the backups, print the outcomes, and return the exit status for them."""
        super().perform(parsed_args)
        return self._conclude()

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Restore each backup to a scratch volume, and delete the volume."""
        from backupext.cli import columns

        with self.schedule() as schedule:
            self._drill = self._run(parsed_args, schedule)
        names = self._drill.volume_names
        known = columns.VolumeNames(names.get, iter([names]))
        which = columns.VERIFIED_AND_KEPT if parsed_args.keep else columns.VERIFIED
        return columns.table(which, self._drill.outcomes, known)

    def _run(self, parsed_args: argparse.Namespace, schedule: 'Schedule') -> 'Drill':
        import random
        import uuid

        from backupext.operations import verify
        from backupext.operations.scratch import Leftovers

        run = uuid.uuid4().hex[:8]
        planned = verify.choose(
            self.cloud, _request(parsed_args), random.SystemRandom().sample, self.reporter.warn
        )
        leftovers = Leftovers(schedule, run, self.reporter.warn)
        leftovers.remove()
        drill = verify.Drill(
            planned,
            schedule,
            self.clock,
            run,
            keeps=parsed_args.keep,
            note=self.reporter.note,
            fail=self.reporter.fail,
        )
        drill.execute(parsed_args.concurrency)
        if not drill.stopped:
            leftovers.remove_rest()
        return drill

    def _conclude(self) -> int:
        """Print the summary, and return the exit status."""
        from backupext.core.verification import exit_status, summarize

        outcomes = self._drill.outcomes
        status = exit_status(outcomes)
        if isinstance(self._drill.stopped, errors.InterruptedByUserError):
            status = self._drill.stopped.exit_status
        if status:
            self.reporter.fail(errors.BackupError(summarize(outcomes)))
        else:
            self.reporter.note(summarize(outcomes))
        return status


def _request(parsed_args: argparse.Namespace) -> 'Request':
    from backupext.cli import selection
    from backupext.core.filters import Scope
    from backupext.operations.verify import Request

    return Request(
        parsed_args.backups,
        selection.selection(parsed_args),
        Scope(all_projects=parsed_args.all_projects),
        parsed_args.label,
        parsed_args.sample,
        parsed_args.max_size,
    )
