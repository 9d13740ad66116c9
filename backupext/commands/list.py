# SPDX-License-Identifier: Apache-2.0
"""``volume backup list``."""

import argparse
from collections.abc import Iterable
from typing import Any

from osc_lib.cli import parseractions

from backupext.cli import base, columns, options

# Cinder's states of a backup, and error_restoring, which OSC offers although only a volume has it.
_STATUSES = (
    'creating',
    'available',
    'deleting',
    'error',
    'restoring',
    'error_restoring',
    'error_deleting',
)


class ListVolumeBackup(base.Lister):
    """List volume backups."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what list takes."""
        parser = super().get_parser(prog_name)
        options.add_scope(parser, 'List the backups of')
        parser.add_argument(
            '--long', action='store_true', default=False, help='List additional fields in output'
        )
        parser.add_argument('--name', metavar='<name>', help='List backups with this name only')
        parser.add_argument(
            '--status',
            metavar='<status>',
            choices=_STATUSES,
            help=f'List backups with this status only: {", ".join(_STATUSES)}',
        )
        parser.add_argument(
            '--volume',
            metavar='<volume>',
            type=options.reference,
            help='List backups of this volume only (name or ID; the ID of a deleted volume too)',
        )
        options.add_hidden_alias(
            parser,
            *('--volume-id', '--vol', '--volu', '--volum'),
            dest='volume',
            metavar='<volume>',
            type=options.reference,
        )
        _add_pagination(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """List page by page; what no column shows is not asked for."""
        from backupext.operations.listing import Criteria, backups  # noqa: PLC0415  # see base

        criteria = Criteria(
            scope=self.cloud.scope(parsed_args.project, all_projects=parsed_args.all_projects),
            name=parsed_args.name,
            status=parsed_args.status,
            volume=parsed_args.volume,
            marker=parsed_args.marker,
            page_size=parsed_args.limit,
            most=parsed_args.max_items,
        )
        shown = columns.listed(long=parsed_args.long)
        names = columns.VolumeNames(self.cloud.volume_names())
        rows = columns.rows(backups(self.cloud, criteria, self.warn), shown, names)
        return tuple(column.header for column in shown), rows


def _add_pagination(parser: argparse.ArgumentParser) -> None:
    """Add the options of openstackclient.common.pagination, which OSC has only from 6.6 on."""
    parser.add_argument(
        '--limit',
        metavar='<limit>',
        type=int,
        action=parseractions.NonNegativeAction,
        help='The maximum number of entries to return per page; the cloud may have a smaller one. '
        'Use --max-items to limit the total number.',
    )
    parser.add_argument(
        '--marker',
        metavar='<marker>',
        type=options.reference,
        help='List what comes after this backup (name or ID), the last one of a previous list',
    )
    parser.add_argument(
        '--max-items',
        metavar='<max-items>',
        type=int,
        action=parseractions.NonNegativeAction,
        help='The maximum number of entries to return in total, in as many pages as it takes',
    )
