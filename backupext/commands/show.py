# SPDX-License-Identifier: Apache-2.0
"""``volume backup show``."""

import argparse

from backupext.cli import base


class ShowVolumeBackup(base.ShowOne):
    """Display volume backup details."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options

        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'display')
        options.add_scope(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Fields:
        """Show every field, with None for those that the microversion or the role hides."""
        from backupext.cli import columns
        from backupext.operations.listing import find

        backup = find(self.cloud, parsed_args.backup, self.scope(parsed_args))
        return columns.fields(columns.SHOW, backup)
