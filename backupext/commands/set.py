# SPDX-License-Identifier: Apache-2.0
"""``volume backup set``."""

import argparse
from typing import TYPE_CHECKING, Any

from backupext import errors
from backupext.cli import base

if TYPE_CHECKING:
    from backupext.core.models import Backup


class SetVolumeBackup(base.Command):
    """Set volume backup properties."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, workarounds

        parser = super().get_parser(prog_name)
        options.add_backup(parser, 'modify')
        options.add_requiring(
            parser,
            'set --name',
            metavar='<name>',
            help='New backup name; an empty string clears it',
        )
        options.add_requiring(
            parser,
            'set --description',
            metavar='<description>',
            help='New backup description; an empty string clears it',
        )
        parser.add_argument(
            '--state',
            metavar='<state>',
            choices=['available', 'error'],
            help='New backup state ("available" or "error"), changed only in the database with no '
            'regard to the actual status; for a backup that is being created, this leaves its '
            'volume in "backing-up" (admin only)',
        )
        options.add_requiring(
            parser,
            'set --no-property',
            action='store_true',
            help='Remove all properties from this backup (specify both --no-property and '
            '--property to remove the current properties before setting new properties)',
        )
        options.add_requiring(
            parser,
            'set --property',
            metavar='<key=value>',
            action=workarounds.KeyValueAction,
            dest='properties',
            default={},
            help='Set a property on this backup (repeat option to set multiple properties)',
        )
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that there is something to set."""
        fields = (parsed_args.name, parsed_args.description, parsed_args.state)
        properties = parsed_args.properties or parsed_args.no_property
        if not properties and all(field is None for field in fields):
            raise errors.UsageError(
                'Nothing to set: give --name, --description, --state, --property or --no-property.'
            )

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Set the state and the other attributes, for which Cinder has separate calls."""
        from backupext.operations.update import update

        backup = self.cloud.find_backup(parsed_args.backup)
        update(
            self.cloud,
            backup,
            state=parsed_args.state,
            attributes=_attributes(parsed_args, backup),
        )


def _attributes(parsed_args: argparse.Namespace, backup: 'Backup') -> dict[str, Any]:
    """Return the attributes to write; Cinder replaces all properties of a backup at once."""
    asked = {'name': parsed_args.name, 'description': parsed_args.description}
    attributes = {name: value for name, value in asked.items() if value is not None}
    if parsed_args.no_property or parsed_args.properties:
        kept = {} if parsed_args.no_property else backup.metadata or {}
        attributes['metadata'] = {**kept, **parsed_args.properties}
    return attributes
