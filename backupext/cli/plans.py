# SPDX-License-Identifier: Apache-2.0
"""Commands that plan, show the plan, ask for confirmation, and act, in this order."""

import argparse

from backupext.cli import base


class PlanningCommand(base.Command):
    """A command whose output is a plan, which it carries out after confirmation.

    A dry run and a real run print the same plan.
    """

    def perform(self, parsed_args: argparse.Namespace) -> int:
        """Plan, and show the plan as the output; then ask and act."""
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
        """Return whether the plan has anything to do."""
        return True

    def question(self, parsed_args: argparse.Namespace) -> str | None:
        """Return what the user has to confirm; None if no confirmation is needed."""
        raise NotImplementedError

    def act(self, parsed_args: argparse.Namespace) -> None:
        """Carry the plan out.

        :raises BackupError: at least one step failed.
        """
        raise NotImplementedError
