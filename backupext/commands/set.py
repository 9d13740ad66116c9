# SPDX-License-Identifier: Apache-2.0
"""``volume backup set``."""

import argparse
from typing import Any

from backupext import errors
from backupext.cli import base, options, workarounds
from backupext.core.models import Backup


class SetVolumeBackup(base.Command):
    """Set volume backup properties."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what set takes."""
        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'modify')
        parser.add_argument(
            '--name',
            metavar='<name>',
            help='New backup name, empty to clear it ' + options.since('set --name'),
        )
        parser.add_argument(
            '--description',
            metavar='<description>',
            help='New backup description, empty to clear it ' + options.since('set --description'),
        )
        parser.add_argument(
            '--state',
            metavar='<state>',
            choices=['available', 'error'],
            help='New backup state ("available" or "error") (admin only) '
            '(this only changes the state in the database, with no regard to what the backup '
            'really is; on a running create it leaves the volume in "backing-up" for good)',
        )
        parser.add_argument(
            '--no-property',
            action='store_true',
            help='Remove all properties from this backup (specify both --no-property and '
            '--property to remove the current properties before setting new ones) '
            + options.since('set --no-property'),
        )
        parser.add_argument(
            '--property',
            metavar='<key=value>',
            action=workarounds.KeyValueAction,
            dest='properties',
            default={},
            help='Set a property on this backup (repeat option to set multiple properties) '
            + options.since('set --property'),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Set what was asked for, once all of it is known to be possible."""
        from backupext.operations.update import update  # noqa: PLC0415  # see base.Command.cloud

        wanted = _wanted_options(parsed_args)
        if not wanted:
            raise errors.UsageError(
                'Nothing to set: give --name, --description, --state, --property or --no-property.'
            )
        self.cloud.require(*(f'set {option}' for option in wanted if option != '--state'))
        backup = self.cloud.find_backup(parsed_args.backup)
        update(
            self.cloud,
            backup,
            state=parsed_args.state,
            attributes=_attributes(parsed_args, backup),
        )


def _wanted_options(parsed_args: argparse.Namespace) -> list[str]:
    given = {
        '--name': parsed_args.name is not None,
        '--description': parsed_args.description is not None,
        '--state': parsed_args.state is not None,
        '--no-property': parsed_args.no_property,
        '--property': bool(parsed_args.properties),
    }
    return [option for option, is_given in given.items() if is_given]


def _attributes(parsed_args: argparse.Namespace, backup: Backup) -> dict[str, Any]:
    """Collect what is written; Cinder replaces the dictionary of properties as a whole."""
    asked = {'name': parsed_args.name, 'description': parsed_args.description}
    attributes = {name: value for name, value in asked.items() if value is not None}
    if parsed_args.no_property or parsed_args.properties:
        kept = {} if parsed_args.no_property else backup.metadata or {}
        attributes['metadata'] = {**kept, **parsed_args.properties}
    return attributes
