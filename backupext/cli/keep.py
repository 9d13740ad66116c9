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
    """Add the retention rules, protection, and the calendar."""
    rules = parser.add_argument_group(
        'retention rules', 'A backup is kept if at least one rule keeps it. Use one or more.'
    )
    rules.add_argument(
        '--keep-last', **_COUNT, help='Keep the N most recent backups of each volume'
    )
    rules.add_argument(
        '--keep-full',
        **_COUNT,
        help='Keep the N most recent full backups of each volume, each with every incremental '
        'backup that builds on it',
    )
    for bucket, many in _BUCKETS.items():
        kept = f'For each of the last N {many} that have backups, keep the most recent one'
        rules.add_argument(f'--keep-{bucket}', **_COUNT, help=kept)
    before = "within this time before the volume's most recent backup"
    rules.add_argument('--keep-within', **_SPAN, help=f'Keep all backups {before}')
    for bucket, many in _BUCKETS.items():
        kept = f'For each of the {many} {before}, keep the most recent backup'
        rules.add_argument(f'--keep-within-{bucket}', **_SPAN, help=kept)
    rules.add_argument(
        '--keep-property',
        metavar='<key[=value]>',
        action='append',
        default=[],
        type=types.property_filter,
        help='Keep backups with this property; without a value, any value matches (repeat option '
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
        default=[],
        type=types.property_filter,
        help='Never delete backups with this property, in addition to those with protected=true '
        'and those with expires=<time> in the future (repeat option for several)',
    )
    parser.add_argument(
        '--delete-failed',
        metavar='<age>',
        type=types.duration,
        help='Delete backups in status error of at least this age too, such as 7d; they keep the '
        'backups that they build on from being deleted',
    )
    parser.add_argument(
        '--allow-empty',
        action='store_true',
        default=False,
        help="Allow deleting a volume's last restorable backup",
    )
    parser.add_argument(
        '--timezone',
        metavar='<name>',
        type=types.zone,
        default=timezone.utc,
        help='Time zone of the hours, days, weeks, months and years, such as Europe/Berlin '
        '(default: UTC)',
    )


def policy(parsed_args: argparse.Namespace) -> retention.Policy:
    """Collect the rules."""
    return retention.Policy(
        last=parsed_args.keep_last or 0,
        full=parsed_args.keep_full or 0,
        counts=_given(parsed_args, 'keep_{}'),
        within=parsed_args.keep_within,
        within_buckets=_given(parsed_args, 'keep_within_{}'),
        properties=tuple(parsed_args.keep_property),
        ids=frozenset(parsed_args.keep_id),
        protect=tuple(parsed_args.protect_property),
        allow_empty=parsed_args.allow_empty,
        delete_failed=parsed_args.delete_failed,
    )


def _given(parsed_args: argparse.Namespace, form: str) -> dict[str, Any]:
    values = {bucket: getattr(parsed_args, form.format(bucket)) for bucket in _BUCKETS}
    return {bucket: value for bucket, value in values.items() if value is not None}
