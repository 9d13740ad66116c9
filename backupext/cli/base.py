# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands: how they reach the cloud, and where errors become sentences.

Every run of ``openstack``, of any command, imports this module and those of all commands. What only
a command that runs needs is imported inside functions.
"""

import argparse
import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any

from osc_lib.command import command

from backupext import errors

if TYPE_CHECKING:
    from backupext.cli.progress import Board
    from backupext.cloud import Cloud
    from backupext.operations.wait import Clock, Waiter

#: What a command that prints one thing gives: headers and values.
Fields = tuple[tuple[str, ...], tuple[Any, ...]]
#: What a command that prints rows gives: headers and rows.
Table = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]


def installed_osc() -> str:
    """Say which release of OSC runs the command."""
    return metadata.version('python-openstackclient')


class Command(command.Command):
    """A command of ours; it fails with one sentence on stderr and an exit status."""

    _board: 'Board | None' = None

    _provider = 'This command is provided by the backupext plugin.'

    def get_epilog(self) -> str:
        """Give the last lines of the help.

        cliff would find out the plugin's name by reading what every installed distribution
        contains, which costs each command 0.1 s.
        """
        epilogs = [hook.obj.get_epilog() for hook in self._hooks if hook.obj]
        return '\n\n'.join([self._provider, *filter(None, epilogs)])

    @functools.cached_property
    def cloud(self) -> 'Cloud':
        """Block Storage as the user sees it, connected when a command first asks for it."""
        from backupext.cloud import Cloud

        return Cloud(self.app.client_manager)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command, and turn its failure into a sentence and an exit status."""
        try:
            self.check_usage(parsed_args)
            self._require_features(parsed_args)
            return super().run(parsed_args)
        except errors.BackupError as error:
            self.app.LOG.error('%s', error, exc_info=bool(self.app.options.debug))
            return error.exit_status

    def check_usage(self, parsed_args: argparse.Namespace) -> None:
        """Refuse options that make no sense together, before the cloud is asked for anything.

        :raises UsageError: they do not.
        """

    def _require_features(self, parsed_args: argparse.Namespace) -> None:
        """Refuse what was given and the microversion in use does not have."""
        declared = getattr(parsed_args, 'requirements', ())
        required = [each.feature for each in declared if each.applies(parsed_args)]
        if required:
            self.cloud.require(*required)

    @contextlib.contextmanager
    def waiter(self, parsed_args: argparse.Namespace) -> Iterator['Waiter']:
        """Wait as the user asked for: with a time limit, and reporting on stderr."""
        from backupext.cli import progress
        from backupext.operations.wait import Waiter

        limit = parsed_args.timeout
        seconds = None if limit is None else limit.total_seconds()
        with progress.reporting(self.app) as reporter:
            self._board = reporter if isinstance(reporter, progress.Board) else None
            try:
                yield Waiter(self.cloud, reporter, self.clock, seconds)
            finally:
                self._board = None

    @functools.cached_property
    def clock(self) -> 'Clock':
        """The clock of this machine, which only measures how long something takes."""
        from backupext.operations.wait import Clock

        return Clock(time.monotonic, time.sleep)

    def say(self, sentence: str) -> None:
        """Tell the user what was done, on stderr; nothing with ``-q``."""
        if self.app.options.verbose_level:
            self.app.stderr.write(f'{sentence}\n')

    def failures(self, things: int) -> 'Failures':
        """Collect the failures of a command that works on several things."""
        return Failures(self._tell_failure, alone=things == 1)

    def _tell_failure(self, error: errors.BackupError) -> None:
        """Tell a failure, above the live lines of a terminal, which would wipe it out."""
        if self._board is None:
            self.app.LOG.error('%s', error)
        else:
            self._board.say(str(error))

    def warn(self, sentence: str) -> None:
        """Tell the user something that does not keep the command from its work."""
        self.app.LOG.warning('%s', sentence)


class Failures:
    """Tells the failures of a batch as they come; the failure of a single thing is the command's.

    :param alone: the batch is of one only.
    """

    def __init__(self, tell: Callable[[errors.BackupError], None], *, alone: bool) -> None:
        self._tell = tell
        self._alone = alone
        self._errors: list[errors.BackupError] = []

    def __call__(self, error: errors.BackupError) -> None:
        """Take note of a failure."""
        self._errors.append(error)
        if self._alone and len(self._errors) == 1:
            return
        # A single thing may drag others along: its own failure has been held back until now.
        untold = self._errors if self._alone and len(self._errors) == 2 else [error]  # noqa: PLR2004
        for each in untold:
            self._tell(each)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._errors)

    def conclude(self, summary: str, total: int) -> None:
        """End the command as failed, if anything failed.

        :param summary: a sentence with ``{failed}`` and ``{total}``, for several.
        :raises BackupError: something failed.
        """
        if not self._errors:
            return
        if self._alone and len(self._errors) == 1:
            raise self._errors[0]
        raise errors.BackupError(summary.format(failed=len(self._errors), total=total))


class Lister(Command, command.Lister):
    """A command that prints rows."""


class ShowOne(Command, command.ShowOne):
    """A command that prints the fields of one thing."""
