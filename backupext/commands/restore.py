# SPDX-License-Identifier: Apache-2.0
"""``volume backup restore``."""

import argparse

from backupext.cli import base


class RestoreVolumeBackup(base.ShowOne):
    """Restore volume backup."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, types, workarounds

        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'restore')
        parser.add_argument(
            'volume',
            metavar='<volume>',
            nargs='?',
            type=types.reference,
            help='Volume to restore to (name or ID for existing volume, name only for new volume) '
            "(default: a new volume with the source volume's name)",
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='Allow restoring to an existing volume, which overwrites its data',
        )
        parser.add_argument(
            '--name',
            metavar='<name>',
            type=types.reference,
            help='Restore to a new volume with this name, even if another volume has the same name',
        )
        options.add_requiring(
            parser,
            'restore --type',
            metavar='<volume-type>',
            type=types.reference,
            help='Type of the new volume (name or ID)',
        )
        options.add_requiring(
            parser,
            'restore --availability-zone',
            metavar='<zone-name>',
            type=types.reference,
            help='Availability zone of the new volume',
        )
        options.add_requiring(
            parser,
            'restore --size',
            metavar='<size>',
            type=types.positive,
            help="Size of the new volume in GiB (default: the backup's size)",
        )
        options.add_wait(parser)
        workarounds.add_hidden_alias(
            parser, '--volume', dest='volume_option', metavar='<volume>', type=types.reference
        )
        workarounds.accept_late_argument(parser, 'volume')
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that ``--timeout`` has its ``--wait``, and that only one volume is given."""
        from backupext.cli import options, workarounds

        options.check_timeout(parsed_args)
        workarounds.one_of(parsed_args, 'volume', 'volume_option')

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Restore the backup, wait for it with ``--wait``, and show the volume."""
        from backupext.cli import columns, workarounds
        from backupext.operations.restore import NewVolume, Restore

        volume = workarounds.one_of(parsed_args, 'volume', 'volume_option')
        new = NewVolume(
            parsed_args.name, parsed_args.type, parsed_args.availability_zone, parsed_args.size
        )
        what = (parsed_args.backup, volume, new)
        if parsed_args.wait:
            with self.schedule() as schedule:
                restore = Restore(self.cloud, self.reporter.note, schedule.patience)
                begun = restore.begin(*what, force=parsed_args.force)
                restored = schedule.do(restore.finish(begun))
        else:
            restore = Restore(self.cloud, self.reporter.note)
            restored = restore.begin(*what, force=parsed_args.force)
        return columns.fields(columns.RESTORED, restored)
