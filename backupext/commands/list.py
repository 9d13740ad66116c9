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
        from backupext.cli import options, types
        from backupext.core.filters import SORT_KEYS

        parser = super().get_parser(prog_name)
        options.add_scope(parser)
        parser.add_argument(
            '--long', action='store_true', default=False, help='List additional fields in output'
        )
        _add_filters(parser)
        parser.add_argument(
            '--sort',
            metavar='<key>[:<direction>]',
            type=types.sort_keys,
            default=(),
            help='Sort output by these keys and directions (asc, or desc if omitted), separated by '
            f'commas; the keys are {", ".join(SORT_KEYS)} (default: created_at:desc)',
        )
        _add_pagination(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """List page by page, and request only what the columns show."""
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
    """Return the filters, except those whose names have to be looked up."""
    from backupext.core.filters import Criteria

    name = parsed_args.name
    return Criteria(
        scope=scope,
        name=name if name is None else name.strip(),  # Cinder strips a name when it stores it
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

    parser.add_argument('--name', metavar='<name>', help='Filter backups by name')
    parser.add_argument(
        '--status',
        metavar='<status>',
        choices=options.STATUSES,
        help=f'Filter backups by status, {options.ONE_STATUS}',
    )
    parser.add_argument(
        '--volume',
        metavar='<volume>',
        type=types.optional_reference,
        help=options.FILTER_BY_VOLUME,
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
        help='Filter backups by snapshot (name or ID, including the ID of a deleted snapshot)',
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--full', action='store_true', default=False, help='List only full backups')
    kind.add_argument(
        '--incremental', action='store_true', default=False, help='List only incremental backups'
    )
    options.add_property_filter(parser, 'list --property')
    # With the built-in command, --pro abbreviates --project.
    workarounds.add_hidden_alias(parser, '--pro', dest='project', type=types.optional_reference)
    for option, meaning in (('--since', 'at or after'), ('--before', 'before')):
        parser.add_argument(
            option,
            metavar='<time>',
            type=types.instant,
            help=f'List only backups created {meaning} this time: an age such as 7d or 12h, or a '
            'time such as 2026-11-23T02:00, in UTC unless it has an offset',
        )


def _add_pagination(parser: argparse.ArgumentParser) -> None:
    """Add the pagination options, whose module in OSC exists only from 6.6 on."""
    from backupext.cli import types, workarounds

    parser.add_argument(
        '--limit',
        metavar='<limit>',
        type=int,
        action=workarounds.NonNegativeAction,
        help="The maximum number of entries to return per page, up to the server's maximum; use "
        '--max-items to limit the total number (with OSC 6.0 to 6.2: the total number)',
    )
    parser.add_argument(
        '--marker',
        metavar='<marker>',
        type=types.optional_reference,
        help='Start after this backup, such as the last one of a previous list (name or ID)',
    )
    parser.add_argument(
        '--max-items',
        metavar='<max-items>',
        type=int,
        action=workarounds.NonNegativeAction,
        help='The maximum number of entries to return in total, over as many pages as needed',
    )
    # Before OSC had --max-items, --max abbreviated cliff's --max-width.
    workarounds.add_hidden_alias(parser, '--max', '--max-', dest='max_width', type=int)
