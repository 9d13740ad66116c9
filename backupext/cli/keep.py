# SPDX-License-Identifier: Apache-2.0
"""The options that say which backups to keep."""

import argparse
from datetime import timezone
from typing import Any

from backupext.cli import types
from backupext.core import retention

_BUCKETS = {
    'hourly': 'hours',
    'daily': 'days',
    'weekly': 'ISO weeks',
    'monthly': 'months',
    'yearly': 'years',
}
_COUNT: dict[str, Any] = {'metavar': '<number>', 'type': types.positive}
_SPAN: dict[str, Any] = {'metavar': '<duration>', 'type': types.duration}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the keep rules, protection, and the calendar."""
    rules = parser.add_argument_group(
        'keep rules', 'What one of them keeps is kept; at least one is needed'
    )
    rules.add_argument(
        '--keep-last', **_COUNT, help='Keep the newest so many backups of each volume'
    )
    for bucket, many in _BUCKETS.items():
        kept = f'Keep the newest backup of each of the latest so many {many} that have any'
        rules.add_argument(f'--keep-{bucket}', **_COUNT, help=kept)
    before = "within this time before the volume's newest"
    rules.add_argument('--keep-within', **_SPAN, help=f'Keep all backups made {before}')
    for bucket, many in _BUCKETS.items():
        kept = f'Keep the newest backup of each of the {many} {before}'
        rules.add_argument(f'--keep-within-{bucket}', **_SPAN, help=kept)
    rules.add_argument(
        '--keep-property',
        metavar='<key[=value]>',
        action='append',
        default=[],
        type=types.property_filter,
        help='Keep backups with this property, with any value where none is given (repeat option '
        'for several)',
    )
    rules.add_argument(
        '--keep-id',
        metavar='<id>',
        action='append',
        default=[],
        type=types.id_,
        help='Keep the backup with this ID (repeat option for several)',
    )
    _add_protection(parser)


def _add_protection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--protect-property',
        metavar='<key[=value]>',
        action='append',
        type=types.property_filter,
        help='Never delete backups with this property (default: protected=true) (repeat option for '
        'several); one with a property expires=<time> stays until then',
    )
    parser.add_argument(
        '--allow-empty',
        action='store_true',
        default=False,
        help='Allow to delete the last backup from which a volume can be restored',
    )
    parser.add_argument(
        '--timezone',
        metavar='<name>',
        type=types.zone,
        default=timezone.utc,
        help='Zone whose calendar has the hours, days, weeks, months and years, such as '
        'Europe/Berlin (default: UTC)',
    )


def policy(parsed_args: argparse.Namespace) -> retention.Policy:
    """Collect the rules."""
    protect = parsed_args.protect_property
    return retention.Policy(
        last=parsed_args.keep_last or 0,
        counts=_given(parsed_args, 'keep_{}'),
        within=parsed_args.keep_within,
        within_buckets=_given(parsed_args, 'keep_within_{}'),
        properties=tuple(parsed_args.keep_property),
        ids=frozenset(parsed_args.keep_id),
        protect=(retention.PROTECTED,) if protect is None else tuple(protect),
        allow_empty=parsed_args.allow_empty,
    )


def _given(parsed_args: argparse.Namespace, form: str) -> dict[str, Any]:
    values = {bucket: getattr(parsed_args, form.format(bucket)) for bucket in _BUCKETS}
    return {bucket: value for bucket, value in values.items() if value is not None}
