# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands: they connect to the cloud and print errors as sentences.

Every run of ``openstack``, of any command, imports this module and the modules of all commands.
What only a running command needs is therefore imported inside functions.
"""

import argparse
import contextlib
import functools
import gc
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any

from osc_lib.command import command

from backupext import errors

if TYPE_CHECKING:
    from backupext.cli.failures import Failures
    from backupext.cli.reporter import Reporter
    from backupext.cloud import Cloud
    from backupext.core.filters import Scope
    from backupext.operations.patience import Clock, Patience
    from backupext.operations.schedule import Schedule, Watch

#: The output of a command that shows one resource: headers and values.
Fields = tuple[tuple[str, ...], tuple[Any, ...]]
#: The output of a command that lists resources: headers and rows.
Table = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]


#: When Python looks for cyclic garbage: see :mod:`gc`. Its defaults are for programs that create
#: few objects that last.
_COLLECTOR_THRESHOLDS = (100_000, 20, 100)


def installed_osc() -> str:
    """Return the release of OSC that runs the command."""
    return metadata.version('python-openstackclient')


def _restrain_collector() -> None:
    """Spare the garbage collector the objects that OSC has loaded, and let it begin less often.

    They last until the process ends. The collector would look at them again and again while rows
    are read, and once more at the end: a fifth of the CPU time of a short command.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


class Command(command.Command):
    """A command that fails with one sentence on stderr and an exit status."""

    _parsed_args: argparse.Namespace

    _provider = 'This command is provided by the backupext plugin.'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return a parser with the checks that all commands share.

        Each command adds its own arguments and options to it.
        """
        from backupext.cli import workarounds

        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        workarounds.refuse_undecodable(parser)
        return parser

    def get_epilog(self) -> str:
        """Return the last lines of the help.

        To find the plugin's name, cliff would read the file lists of all installed distributions,
        which costs each command 0.1 s.
        """
        epilogs = [hook.obj.get_epilog() for hook in self._hooks if hook.obj]
        return '\n\n'.join([self._provider, *filter(None, epilogs)])

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; print a failure as a sentence, and return the exit status."""
        self._parsed_args = parsed_args
        _restrain_collector()
        try:
            self.check_usage(parsed_args)
            with self._interruptible(parsed_args):
                self._require_features(parsed_args)
                return self.perform(parsed_args)
        except errors.BackupError as error:
            return self.fail(error)

    def fail(self, error: errors.BackupError) -> int:
        """Print a failure, and return the exit status."""
        self.app.LOG.error('%s', error, exc_info=bool(self.app.options.debug))
        return self.exit_status(error)

    def _interruptible(
        self, parsed_args: argparse.Namespace
    ) -> contextlib.AbstractContextManager[None]:
        """Return a context in which SIGTERM lets a command that waits say what still runs."""
        if not self.waits(parsed_args):
            return contextlib.nullcontext()
        from backupext.cli import signals

        return signals.treated_as_ctrl_c()

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Run the action, print its output, and return the exit status.

        :raises BackupError: the command failed.
        """
        return super().run(parsed_args)

    def exit_status(self, error: errors.BackupError) -> int:
        """Return the exit status for a failure."""
        return error.exit_status

    @functools.cached_property
    def cloud(self) -> 'Cloud':
        """Block Storage as the user sees it, connected on first use.

        A command that waits retries from its first request to its last.
        """
        from backupext.cloud import Cloud

        patience = self.patience if self.waits(self._parsed_args) else None
        return Cloud(self.app.client_manager, patience)

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Return whether the command waits for the cloud."""
        return bool(getattr(parsed_args, 'wait', False))

    @functools.cached_property
    def patience(self) -> 'Patience':
        """The time limit and the retries of a wait, which begins on first use."""
        from backupext.operations.patience import Patience

        limit = self._parsed_args.timeout
        seconds = None if limit is None else limit.total_seconds()
        return Patience(self.clock, self.reporter.note, seconds)

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that the options go together, before the first request to the cloud.

        :raises UsageError: they do not go together.
        """

    def _require_features(self, parsed_args: argparse.Namespace) -> None:
        """Check that the microversion in use has what the options require."""
        declared = getattr(parsed_args, 'requirements', ())
        required = [each.feature for each in declared if each.applies(parsed_args)]
        if required:
            self.cloud.require(*required)

    def scope(self, parsed_args: argparse.Namespace) -> 'Scope':
        """Return the projects that ``--project`` and ``--all-projects`` select."""
        from backupext.operations import listing

        return listing.resolve_scope(
            self.cloud, parsed_args.project, all_projects=parsed_args.all_projects
        )

    @contextlib.contextmanager
    def schedule(self, watch: 'Watch | None' = None) -> Iterator['Schedule']:
        """Yield a schedule for operations that take time, and show their progress.

        :param watch: see :class:`backupext.operations.schedule.Schedule`.
        """
        from backupext.operations.schedule import Schedule

        with self.reporter.live():
            yield Schedule(self.cloud, self.patience, self.reporter, watch)

    @functools.cached_property
    def clock(self) -> 'Clock':
        """The clock of this machine, used only to measure durations."""
        from backupext.operations.patience import Clock

        return Clock(time.monotonic, time.sleep)

    @functools.cached_property
    def reporter(self) -> 'Reporter':
        """The reporter of progress, warnings and failures, on stderr."""
        from backupext.cli.reporter import Reporter

        return Reporter(self.app)

    def failures(self, things: int) -> 'Failures':
        """Return a collector of failures.

        :param things: the number of backups that the command works on.
        """
        from backupext.cli.failures import Failures

        return Failures(self.reporter.fail, alone=things == 1)


class Lister(Command, command.Lister):
    """A command that prints rows."""


class ShowOne(Command, command.ShowOne):
    """A command that prints the fields of one resource."""


class ShowOneOrRows(ShowOne):
    """A command that prints the fields of one resource, or rows, depending on its options."""

    def prints_rows(self, parsed_args: argparse.Namespace) -> bool:
        """Return whether the output has rows."""
        raise NotImplementedError

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Check that the format can print rows.

        :raises UsageError: it cannot.
        """
        if self.prints_rows(parsed_args) and parsed_args.formatter == 'shell':
            raise errors.UsageError('-f shell cannot print several rows: use json, yaml or value.')

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Any, data: Any) -> int:
        """Print fields as cliff's ShowOne does, or rows as its Lister does."""
        if not self.prints_rows(parsed_args):
            return int(super().produce_output(parsed_args, column_names, data))
        columns, selector = self._generate_columns_and_selector(parsed_args, column_names)
        if selector:
            data = (list(self._compress_iterable(row, selector)) for row in data)
        # All formatters for a single resource but shell are those for rows too.
        formatter: Any = self.formatter
        formatter.emit_list(columns, data, self.app.stdout, parsed_args)
        return 0
