# SPDX-License-Identifier: Apache-2.0
"""``volume backup summary``."""

import argparse
from collections.abc import Iterable
from typing import Any

from backupext.cli import base, columns, options


class VolumeBackupSummary(base.Lister):
    """Show how many backups each volume has, by status and kind, and which volumes have none."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what summary takes."""
        parser = super().get_parser(prog_name)
        options.add_scope(parser, 'Count the backups of')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Count what one list of backups and one of volumes have."""
        from backupext.operations.summary import summary  # noqa: PLC0415  # see base.Command.cloud

        scope = self.cloud.scope(parsed_args.project, all_projects=parsed_args.all_projects)
        lines, names = summary(self.cloud, scope, self.warn)
        known = columns.VolumeNames(names.get, iter([names]))
        return columns.table(columns.SUMMARY, lines, known)
