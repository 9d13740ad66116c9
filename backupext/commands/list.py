# SPDX-License-Identifier: Apache-2.0
"""``volume backup list``."""

import argparse
from typing import TYPE_CHECKING

from backupext.cli import base

if TYPE_CHECKING:
    from backupext.core.filters import Criteria, Scope


class ListVolumeBackup(base.Lister):
    """List volume backups."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what list takes."""
        from backupext.cli import options, types
        from backupext.core.filters import SORT_KEYS

        parser = super().get_parser(prog_name)
        options.add_scope(parser, 'List the backups of')
        parser.add_argument(
            '--long', action='store_true', default=False, help='List additional fields in output'
        )
        _add_filters(parser)
        parser.add_argument(
            '--sort',
            metavar='<key>[:<direction>]',
            type=types.sort_keys,
            default=(),
            help='Sort by these keys and directions (asc or desc, default: desc), separated by '
            f'commas (default: created_at:desc). Keys: {", ".join(SORT_KEYS)}',
        )
        _add_pagination(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """List page by page; what no column shows is not asked for."""
        from backupext.cli import columns
        from backupext.core import releases
        from backupext.operations import listing

        scope = self.scope(parsed_args)
        references = listing.References(
            parsed_args.volume, parsed_args.snapshot, parsed_args.marker
        )
        if parsed_args.limit is not None and releases.LIMIT_PER_PAGE.applies(base.installed_osc()):
            parsed_args.max_items = _smaller(parsed_args.limit, parsed_args.max_items)
        found = listing.list_backups(
            self.cloud, _criteria(parsed_args, scope), references, self.reporter.warn
        )
        shown = [
            column
            for column in (columns.LONG if parsed_args.long else columns.LIST)
            if self.cloud.has(column.attribute, sees_owners=found.shows_owners)
        ]
        names = columns.VolumeNames(
            self.cloud.read_volume_name, self.cloud.list_readable_volume_names()
        )
        return columns.table(shown, found.backups, names)


def _criteria(parsed_args: argparse.Namespace, scope: 'Scope') -> 'Criteria':
    """Collect what a list is narrowed to, but for what has to be looked up."""
    from backupext.core.filters import Criteria

    name = parsed_args.name
    return Criteria(
        scope=scope,
        name=name if name is None else name.strip(),  # as Cinder does when it stores one
        status=parsed_args.status,
        is_incremental=True if parsed_args.incremental else False if parsed_args.full else None,
        properties=tuple(parsed_args.properties or ()),
        since=parsed_args.since,
        before=parsed_args.before,
        sort=parsed_args.sort,
        page_size=parsed_args.limit,
        most=parsed_args.max_items,
    )


def _smaller(limit: int, other: int | None) -> int:
    return limit if other is None else min(limit, other)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    from backupext.cli import options, types, workarounds

    parser.add_argument('--name', metavar='<name>', help='List backups with this name only')
    parser.add_argument(
        '--status',
        metavar='<status>',
        choices=options.STATUSES,
        help=f'List backups with this status only: {", ".join(options.STATUSES)}',
    )
    parser.add_argument(
        '--volume',
        metavar='<volume>',
        type=types.optional_reference,
        help='List backups of this volume only (name or ID; the ID of a deleted volume too)',
    )
    workarounds.add_hidden_alias(
        parser,
        *('--volume-id', '--vol', '--volu', '--volum'),
        dest='volume',
        metavar='<volume>',
        type=types.optional_reference,
    )
    parser.add_argument(
        '--snapshot',
        metavar='<snapshot>',
        type=types.optional_reference,
        help='List backups of this snapshot only (name or ID; the ID of a deleted snapshot too)',
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--full', action='store_true', default=False, help='List full backups only')
    kind.add_argument(
        '--incremental', action='store_true', default=False, help='List incremental backups only'
    )
    options.add_property_filter(parser, 'List backups with this property only', 'list --property')
    # OSC takes --pro for --project.
    workarounds.add_hidden_alias(parser, '--pro', dest='project', type=types.optional_reference)
    for option, meaning in (('--since', 'at or after'), ('--before', 'before')):
        parser.add_argument(
            option,
            metavar='<time>',
            type=types.instant,
            help=f'List backups created {meaning} this time only (an age such as 7d or 12h, or '
            '2026-11-23T02:00, in UTC unless it names a zone)',
        )


def _add_pagination(parser: argparse.ArgumentParser) -> None:
    """Add the options of OSC's newer releases; openstackclient.common.pagination came with 6.6."""
    from backupext.cli import types, workarounds

    parser.add_argument(
        '--limit',
        metavar='<limit>',
        type=int,
        action=workarounds.NonNegativeAction,
        help='The maximum number of entries to return per page; the cloud may have a smaller one. '
        'Use --max-items to limit the total number. (With OSC 6.0 to 6.2: the total number.)',
    )
    parser.add_argument(
        '--marker',
        metavar='<marker>',
        type=types.optional_reference,
        help='List what comes after this backup (name or ID), the last one of a previous list',
    )
    parser.add_argument(
        '--max-items',
        metavar='<max-items>',
        type=int,
        action=workarounds.NonNegativeAction,
        help='The maximum number of entries to return in total, in as many pages as it takes',
    )
    # Where OSC has no --max-items, it takes --max for cliff's --max-width.
    workarounds.add_hidden_alias(parser, '--max', '--max-', dest='max_width', type=int)
