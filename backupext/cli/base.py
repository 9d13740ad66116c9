# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands: how they reach the cloud, and where errors become sentences."""

import argparse
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from osc_lib.command import command

from backupext import errors

if TYPE_CHECKING:
    from backupext.cloud import Cloud


class Command(command.Command):
    """A command of ours; it fails with one sentence on stderr and an exit status."""

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
        from backupext.cloud import Cloud  # noqa: PLC0415  # every openstack run imports this module

        return Cloud(self.app.client_manager)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command, and turn its failure into a sentence and an exit status."""
        try:
            return super().run(parsed_args)
        except errors.BackupError as error:
            self.app.LOG.error('%s', error, exc_info=bool(self.app.options.debug))
            return error.exit_status

    def try_each(
        self, references: Sequence[str], action: Callable[[str], None], summary: str
    ) -> None:
        """Do something with each of several things, and go on after the failure of one.

        :param summary: a sentence with ``{failed}`` and ``{total}``, for several.
        :raises BackupError: one or more failed; each but an only one has been told by then.
        """
        if len(references) == 1:
            action(references[0])
            return
        failed = sum(not self._is_done(action, reference) for reference in references)
        if failed:
            raise errors.BackupError(summary.format(failed=failed, total=len(references)))

    def _is_done(self, action: Callable[[str], None], reference: str) -> bool:
        try:
            action(reference)
        except errors.BackupError as error:
            self.app.LOG.error('%s', error)
            return False
        return True

    def warn(self, sentence: str) -> None:
        """Tell the user something that does not keep the command from its work."""
        self.app.LOG.warning('%s', sentence)


class Lister(Command, command.Lister):
    """A command that prints rows."""


class ShowOne(Command, command.ShowOne):
    """A command that prints the fields of one thing."""
