# SPDX-License-Identifier: Apache-2.0
"""Confirmation of deletions, with the options of ``openstack project cleanup``."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors

if TYPE_CHECKING:
    from backupext.cli.reporter import Reporter


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--dry-run`` and ``--auto-approve``."""
    for option, text in (
        ('--dry-run', 'Show what would be deleted, but do not delete anything'),
        ('--auto-approve', 'Delete backups without asking for confirmation'),
    ):
        parser.add_argument(option, action='store_true', default=False, help=text)


def announcement(count: int) -> str:
    """Return the sentence before the question: how many backups will be deleted."""
    return f'{count} backup{"" if count == 1 else "s"} will be deleted.'


def ask(reporter: 'Reporter', parsed_args: argparse.Namespace, sentence: str) -> None:
    """Ask for confirmation on the terminal; any answer other than yes means no.

    :raises RefusedError: the answer is not yes, or there is no terminal and no ``--auto-approve``.
    """
    if parsed_args.auto_approve:
        return
    if not reporter.can_ask:
        raise errors.RefusedError(
            'Nothing was deleted: there is no terminal to ask on. Use --auto-approve to skip the '
            'question.'
        )
    if not reporter.ask(sentence):
        raise errors.RefusedError('Nothing was deleted.')
