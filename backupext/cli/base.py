# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands: how they reach the cloud, and where errors become sentences.

Every run of ``openstack``, of any command, imports this module and those of all commands. What only
a command that runs needs is imported inside functions.
"""

import argparse
import contextlib
import functools
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
    from backupext.operations.schedule import Schedule

#: What a command that prints one thing gives: headers and values.
Fields = tuple[tuple[str, ...], tuple[Any, ...]]
#: What a command that prints rows gives: headers and rows.
Table = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]


def installed_osc() -> str:
    """Say which release of OSC runs the command."""
    return metadata.version('python-openstackclient')


class Command(command.Command):
    """A command of ours; it fails with one sentence on stderr and an exit status."""

    _parsed_args: argparse.Namespace

    _provider = 'This command is provided by the backupext plugin.'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return a parser that knows what all commands have in common."""
        from backupext.cli import workarounds

        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        workarounds.refuse_undecodable(parser)
        return parser

    def get_epilog(self) -> str:
        """Give the last lines of the help.

        cliff would find out the plugin's name by reading what every installed distribution
        contains, which costs each command 0.1 s.
        """
        epilogs = [hook.obj.get_epilog() for hook in self._hooks if hook.obj]
        return '\n\n'.join([self._provider, *filter(None, epilogs)])

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command, and turn its failure into a sentence and an exit status."""
        self._parsed_args = parsed_args
        try:
            self.check_usage(parsed_args)
            self._require_features(parsed_args)
            return self.perform(parsed_args)
        except errors.BackupError as error:
            self.app.LOG.error('%s', error, exc_info=bool(self.app.options.debug))
            return self.exit_status(error)

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Do what the command does, output included.

        :raises BackupError: it failed.
        """
        return super().run(parsed_args)

    def exit_status(self, error: errors.BackupError) -> int:
        """Say with which status the command ends for a failure."""
        return error.exit_status

    @functools.cached_property
    def cloud(self) -> 'Cloud':
        """Block Storage as the user sees it, connected when a command first asks for it.

        A command that waits is patient with it from its first request to its last.
        """
        from backupext.cloud import Cloud

        patience = self.patience if self.waits(self._parsed_args) else None
        return Cloud(self.app.client_manager, patience)

    def waits(self, parsed_args: argparse.Namespace) -> bool:
        """Tell whether the command is to wait for the cloud."""
        return bool(getattr(parsed_args, 'wait', False))

    @functools.cached_property
    def patience(self) -> 'Patience':
        """How long the user is ready to wait, from when the command first asks for it."""
        from backupext.operations.patience import Patience

        limit = self._parsed_args.timeout
        seconds = None if limit is None else limit.total_seconds()
        return Patience(self.clock, self.reporter.note, seconds)

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

    def scope(self, parsed_args: argparse.Namespace) -> 'Scope':
        """Say whose backups ``--project`` and ``--all-projects`` ask for."""
        from backupext.operations import listing

        return listing.resolve_scope(
            self.cloud, parsed_args.project, all_projects=parsed_args.all_projects
        )

    @contextlib.contextmanager
    def schedule(self) -> Iterator['Schedule']:
        """Run what takes time, and show how it stands."""
        from backupext.operations.schedule import Schedule

        with self.reporter.live():
            yield Schedule(self.cloud, self.patience, self.reporter)

    @functools.cached_property
    def clock(self) -> 'Clock':
        """The clock of this machine, which only measures how long something takes."""
        from backupext.operations.patience import Clock

        return Clock(time.monotonic, time.sleep)

    @functools.cached_property
    def reporter(self) -> 'Reporter':
        """What tells the user how things stand, on stderr."""
        from backupext.cli.reporter import Reporter

        return Reporter(self.app)

    def failures(self, things: int) -> 'Failures':
        """Collect the failures of a command that works on several things."""
        from backupext.cli.failures import Failures

        return Failures(self.reporter.fail, alone=things == 1)


class Lister(Command, command.Lister):
    """A command that prints rows."""


class ShowOne(Command, command.ShowOne):
    """A command that prints the fields of one thing."""
