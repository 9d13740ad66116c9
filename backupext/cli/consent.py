# SPDX-License-Identifier: Apache-2.0
"""Confirmation of deletions, with the options of ``openstack project cleanup``."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors

if TYPE_CHECKING:
    from backupext.cli.reporter import Reporter

_NOTHING = 'Nothing was deleted'


def add_options(
    parser: argparse.ArgumentParser, what: str = 'deleted, but do not delete anything'
) -> None:
    """Add ``--dry-run`` and ``--auto-approve``.

    :param what: what a dry run shows, and what it does not do.
    """
    for option, text in (
        ('--dry-run', f'Show what would be {what}'),
        ('--auto-approve', 'Delete backups without asking for confirmation'),
    ):
        parser.add_argument(option, action='store_true', default=False, help=text)


def announcement(count: int) -> str:
    """Return the sentence before the question: how many backups will be deleted."""
    return f'{count} backup{"" if count == 1 else "s"} will be deleted.'


def check(reporter: 'Reporter', parsed_args: argparse.Namespace, nothing: str = _NOTHING) -> None:
    """Check that confirmation is given, or can be asked for.

    :param nothing: a clause that says what did not happen.
    :raises RefusedError: there is no terminal and no ``--auto-approve``.
    """
    if not (parsed_args.auto_approve or reporter.can_ask):
        raise errors.RefusedError(
            f'{nothing}: there is no terminal to ask on. Use --auto-approve to skip the question.'
        )


def ask(
    reporter: 'Reporter',
    parsed_args: argparse.Namespace,
    sentence: str,
    nothing: str = _NOTHING,
) -> None:
    """Ask for confirmation on the terminal; any answer other than yes means no.

    :param nothing: a clause that says what did not happen.
    :raises RefusedError: the answer is not yes, or there is no terminal and no ``--auto-approve``.
    """
    check(reporter, parsed_args, nothing)
    if not parsed_args.auto_approve and not reporter.ask(sentence):
        raise errors.RefusedError(f'{nothing}.')
