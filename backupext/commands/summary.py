# SPDX-License-Identifier: Apache-2.0
"""``volume backup summary``."""

import argparse

from backupext.cli import base


class VolumeBackupSummary(base.Lister):
    """Show the number and size of volume backups by volume, status and kind.

    Volumes without backups are included.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_scope(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Count the backups, from one list of backups and one of volumes."""
        from backupext.cli import columns
        from backupext.operations.summary import count_backups

        scope = self.scope(parsed_args)
        lines, names = count_backups(self.cloud, scope, self.reporter.warn)
        known = columns.VolumeNames(names.get, iter([names]))
        return columns.table(columns.SUMMARY, lines, known)
