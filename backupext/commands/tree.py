# SPDX-License-Identifier: Apache-2.0
"""``volume backup tree``."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from backupext.cli import base


class VolumeBackupTree(base.Lister):
    """Show volume backups as a tree of full and incremental backups.

    Cinder does not show the parent of an incremental backup. The command infers it by the rule that
    Cinder uses, and marks a parent that is not certain.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_scope(parser)
        options.add_volumes(parser)
        parser.add_argument(
            '--exact',
            action='store_true',
            default=False,
            help='Ask the cloud for the parents, with one request per backup (admin only)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Return a row for each backup, for machines."""
        from backupext.cli import columns
        from backupext.operations.tree import read_chains

        scope = self.scope(parsed_args)
        self._nodes = read_chains(
            self.cloud, scope, parsed_args.volumes, self.reporter.warn, exact=parsed_args.exact
        )
        return columns.table(columns.TREE, self._nodes)

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Iterable[Any]
    ) -> int:
        """Draw the tree for people; with chosen or sorted columns, print a table."""
        if parsed_args.formatter != 'table' or parsed_args.columns or parsed_args.sort_columns:
            return int(super().produce_output(parsed_args, column_names, data))
        from backupext.cli import columns, drawing

        names = columns.VolumeNames(
            self.cloud.read_volume_name, self.cloud.list_readable_volume_names()
        )
        for line in drawing.lines(self._nodes, names):
            self.app.stdout.write(f'{drawing.encodable(line, self.app.stdout.encoding)}\n')
        return 0
