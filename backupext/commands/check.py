# SPDX-License-Identifier: Apache-2.0
"""``volume backup check``."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backupext import errors
from backupext.cli import base, plugins

if TYPE_CHECKING:
    from backupext.core.findings import Policy


class CheckVolumeBackup(plugins.MonitoringPlugin):
    """Check that volumes have recent backups that can be restored, for a monitoring system.

    The exit status is that of a monitoring plugin: 0 if all is well, 1 for a warning, 2 if a volume
    is in danger, and 3 if the check failed, also for a usage error. Without output options, the
    first line is a summary with performance data, and the others are findings.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from backupext.cli import options, selection

        parser = super().get_parser(prog_name)
        selection.add_volumes(parser, 'check')
        selection.add_options(parser)
        which = parser.add_mutually_exclusive_group()
        options.add_requiring(
            which,
            'check --label',
            metavar='<label>',
            help='Count only the backups of the rotation with this label',
        )
        options.add_property_filter(which, 'check --property')
        _add_limits(parser)
        _add_metrics_file(parser)
        return parser

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        from backupext.cli import selection

        selection.check(parsed_args)
        if parsed_args.warn_age is not None and parsed_args.warn_age >= parsed_args.max_age:
            raise errors.UsageError('--warn-age must be shorter than --max-age.')

    def take_action(self, parsed_args: argparse.Namespace) -> base.Table:
        """Return a row for each volume, and for what else has a finding."""
        from backupext.cli import columns, selection
        from backupext.core.filters import Scope
        from backupext.operations import check

        request = check.Request(
            selection.selection(parsed_args),
            Scope(all_projects=parsed_args.all_projects),
            _policy(parsed_args),
            parsed_args.quota,
        )
        self._report = check.examine(self.cloud, request, self.reporter.warn)
        if parsed_args.metrics_file is not None:
            self._report = check.write_metrics(self.cloud, self._report, parsed_args.metrics_file)
        return columns.table(columns.CHECK, self._report.rows)

    def severity(self) -> int:
        return self._report.severity.value

    def text(self) -> Iterable[str]:
        from backupext.cli import plugin_output

        return plugin_output.lines(self._report)


def _policy(parsed_args: argparse.Namespace) -> 'Policy':
    from backupext.core.findings import Policy

    return Policy(
        max_age=parsed_args.max_age,
        warn_age=parsed_args.warn_age,
        max_running=parsed_args.max_running,
        max_chain=parsed_args.max_chain,
        label=parsed_args.label,
        properties=tuple(parsed_args.properties or ()),
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    from backupext.cli import types

    for option, text in (
        ('--max-age', 'Critical age of the newest restorable backup, such as 26h'),
        ('--warn-age', 'Age of the newest restorable backup to warn of, such as 25h'),
        (
            '--max-running',
            'Warn of a backup that runs for longer than this, such as 12h',
        ),
    ):
        parser.add_argument(
            option,
            metavar='<duration>',
            type=types.duration,
            required=option == '--max-age',
            help=text,
        )
    parser.add_argument(
        '--max-chain',
        metavar='<number>',
        type=types.positive,
        help='Warn of a chain of more backups than this',
    )
    parser.add_argument(
        '--quota',
        action='store_true',
        default=False,
        help='Warn if another backup of each selected volume would exceed the quota',
    )


def _add_metrics_file(parser: argparse.ArgumentParser) -> None:
    from backupext.cli import types

    parser.add_argument(
        '--metrics-file',
        metavar='<path>',
        type=types.path,
        help='Also write the result to this file, as metrics for Prometheus',
    )
