# SPDX-License-Identifier: Apache-2.0
"""Commands that plan, show the plan, ask, and act: always in this order."""

import argparse

from backupext.cli import base


class PlanningCommand(base.Command):
    """A command whose output is a plan, which it carries out afterwards if the user agrees.

    What it prints is the same for a dry run and a real one.
    """

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Plan and show (as the command's output); then ask and act."""
        status = super().perform(parsed_args)
        if parsed_args.dry_run or not self.has_work():
            return status
        question = self.question(parsed_args)
        if question:
            from backupext.cli import consent

            with self.patience.stopped():
                consent.ask(self.reporter, parsed_args, question)
        self.act(parsed_args)
        return status

    def has_work(self) -> bool:
        """Tell whether the plan has anything to do."""
        return True

    def question(self, parsed_args: argparse.Namespace) -> str | None:
        """Say what will be done, for the user to agree to; None where nobody needs to."""
        raise NotImplementedError

    def act(self, parsed_args: argparse.Namespace) -> None:
        """Carry the plan out.

        :raises BackupError: something failed.
        """
        raise NotImplementedError
