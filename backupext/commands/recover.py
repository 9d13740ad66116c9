# SPDX-License-Identifier: Apache-2.0
"""``volume backup recover``."""

import argparse

from backupext import errors
from backupext.cli import base


class RecoverVolumeBackup(base.Lister):
    """Restore several volumes as of a time to new volumes.

    For each volume the command restores the restorable backup with the latest data at or before the
    time. The volumes and the server may be deleted. Nothing is overwritten.
    """

    _stopped: errors.StoppedWaitingError | None = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, types

        parser = super().get_parser(prog_name)
        options.add_requirement(parser, 'recover')
        _add_selection(parser)
        _add_new_volume(parser)
        parser.add_argument(
            '--at',
            metavar='<time>',
            type=types.instant,
            help='Recover the state at this time, such as 2026-11-23T02:00, or 7d for 7 days ago '
            '(default: now)',
        )
        for option, dest, text in (
            ('--partial', 'partial', 'Leave out volumes that have no restorable backup'),
            (
                '--continue',
                'resume',
                'Use the new volumes that an earlier run has restored from the same backups',
            ),
            ('--dry-run', 'dry_run', 'Show what would be restored, but do not restore anything'),
        ):
            parser.add_argument(option, dest=dest, action='store_true', default=False, help=text)
        options.add_concurrency(parser, 'restores')
        options.add_wait(parser)
        return parser

    def waits(self, _parsed_args: argparse.Namespace) -> bool:
        """Ride out failures of the cloud in any case: it may be recovering itself."""
        return True

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Restore the volumes, and list them, also if some failed or the wait was stopped."""
        from backupext.cli import columns
        from backupext.operations import recover

        request = recover.Request(
            parsed_args.server,
            tuple(parsed_args.volumes),
            parsed_args.label,
            parsed_args.at,
            parsed_args.name_format,
            parsed_args.type,
            parsed_args.availability_zone,
            parsed_args.partial,
            parsed_args.resume,
        )
        self._plan = recover.plan(self.cloud, request, self.reporter.note)
        self._failures = self.failures(len(self._plan.items))
        if not parsed_args.dry_run:
            self._restore(parsed_args)
        return columns.table(columns.RECOVER, self._plan.items)

    def _restore(self, parsed_args: argparse.Namespace) -> None:
        from backupext.operations import recover

        with self.schedule() as schedule:
            recovery = recover.Recovery(
                schedule, self.reporter.note, self._failures, wait=parsed_args.wait
            )
            try:
                recovery.run(self._plan, parsed_args.concurrency)
            except errors.StoppedWaitingError as error:
                self._stopped = error.with_more(
                    advice='To go on: the same command with --continue.'
                )

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """List the volumes, then the commands that attach them, and last what failed."""
        status = super().perform(parsed_args)
        if not parsed_args.dry_run:
            self._show_commands(parsed_args)
            self._conclude()
        return status

    def _show_commands(self, parsed_args: argparse.Namespace) -> None:
        from backupext.operations import recover

        commands = recover.attach_commands(self._plan, unfinished=not parsed_args.wait)
        if commands:
            when = '' if parsed_args.wait else ', once they are available'
            lines = [f'To attach the volumes{when}:', *commands]
            self.reporter.note('\n  '.join(lines))

    def _conclude(self) -> None:
        """Raise what ends the command, if not all volumes were recovered.

        :raises BackupError: the wait was stopped, or volumes failed.
        """
        total, failed = len(self._plan.items), self._failures.count
        summary = f'{failed} of {total} volumes were not recovered.'
        if self._stopped and (
            not failed or isinstance(self._stopped, errors.InterruptedByUserError)
        ):
            raise self._stopped
        if self._stopped:
            self.reporter.fail(self._stopped)
        if 0 < failed < total:
            raise errors.PartlyFailedError(summary)
        self._failures.conclude(summary, total)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    from backupext.cli import options, types

    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        '--server',
        metavar='<server>',
        type=types.reference,
        help='Recover the volumes that were attached to a server (name or ID, including those of a '
        'deleted server)',
    )
    options.add_repeatable(
        which,
        '--volume',
        'volumes',
        metavar='<volume>',
        dest='volumes',
        help='Recover a volume (name or ID, including those of a deleted volume)',
    )
    which.add_argument(
        '--label',
        metavar='<label>',
        type=types.reference,
        help='Recover all volumes of a rotation, from its backups',
    )


def _add_new_volume(parser: argparse.ArgumentParser) -> None:
    from backupext.cli import types
    from backupext.core import recovery

    fields = [f'{{{each}}}' for each in recovery.NAME_FIELDS]
    parser.add_argument(
        '--name-format',
        metavar='<format>',
        type=types.name_format(recovery.NAME_FIELDS),
        default=recovery.DEFAULT_NAME_FORMAT,
        help=f'Names of the new volumes, with the fields {", ".join(fields[:-1])} and {fields[-1]} '
        f'(default: {recovery.DEFAULT_NAME_FORMAT})',
    )
    parser.add_argument(
        '--type',
        metavar='<volume-type>',
        type=types.reference,
        help='Type of the new volumes (name or ID) (default: the types of the source volumes)',
    )
    parser.add_argument(
        '--availability-zone',
        metavar='<zone-name>',
        type=types.reference,
        help='Availability zone of the new volumes (default: the zones of the source volumes)',
    )
