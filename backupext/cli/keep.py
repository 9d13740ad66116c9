# SPDX-License-Identifier: Apache-2.0
"""The options of retention: rules, protection and time zone."""

import argparse
from datetime import timezone
from typing import Any

from backupext.cli import options, types
from backupext.core import retention

_BUCKETS = {
    'hourly': 'hour',
    'daily': 'day',
    'weekly': 'ISO week',
    'monthly': 'month',
    'yearly': 'year',
}
_COUNT: dict[str, Any] = {'metavar': '<number>', 'type': types.positive}
_SPAN: dict[str, Any] = {'metavar': '<duration>', 'type': types.duration}


_FAILED = 'Also delete backups in status error that are at least this old, such as 7d'


def add_options(parser: argparse.ArgumentParser, failed: str = _FAILED) -> None:
    """Add the options of a retention policy.

    :param failed: the help of ``--delete-failed``.
    """
    rules = parser.add_argument_group(
        'retention rules', 'A backup is kept if at least one rule keeps it. Use one or more.'
    )
    rules.add_argument(
        '--keep-last', **_COUNT, help='Keep the N most recent backups of each volume'
    )
    rules.add_argument(
        '--keep-full',
        **_COUNT,
        help='Keep the N most recent full backups of each volume, and all incremental backups that '
        'depend on them',
    )
    for bucket, unit in _BUCKETS.items():
        kept = f'For each of the last N {unit}s that have backups, keep the most recent one'
        rules.add_argument(f'--keep-{bucket}', **_COUNT, help=kept)
    span = "within this time before the volume's most recent backup"
    rules.add_argument('--keep-within', **_SPAN, help=f'Keep all backups {span}')
    for bucket, unit in _BUCKETS.items():
        kept = f'Keep the most recent backup of each {unit} {span}'
        rules.add_argument(f'--keep-within-{bucket}', **_SPAN, help=kept)
    options.add_repeatable(
        rules,
        '--keep-property',
        'properties',
        metavar='<key>[=<value>]',
        type=types.property_filter,
        help='Keep backups with this property; without a value, any value matches',
    )
    options.add_repeatable(
        rules,
        '--keep-id',
        'backups',
        metavar='<id>',
        type=types.id_,
        help='Keep the backup with this ID',
    )
    _add_protection(parser, failed)


def _add_protection(parser: argparse.ArgumentParser, failed: str) -> None:
    options.add_repeatable(
        parser,
        '--protect-property',
        'properties',
        metavar='<key>[=<value>]',
        type=types.property_filter,
        help='Protect backups with this property, in addition to those with protected=true or a '
        'future expires=<time>; without a value, any value matches',
    )
    parser.add_argument(
        '--delete-failed',
        metavar='<age>',
        type=types.duration,
        help=failed,
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
        help='Time zone of hours, days, weeks, months and years, such as Europe/Berlin '
        '(default: UTC)',
    )


def policy(parsed_args: argparse.Namespace) -> retention.Policy:
    """Return the retention policy that the options describe."""
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
