# SPDX-License-Identifier: Apache-2.0
"""Asking before something is destroyed that was not named one by one, as OSC's project cleanup."""

import argparse
from typing import TYPE_CHECKING

from backupext import errors

if TYPE_CHECKING:
    from backupext.cli.reporter import Reporter


def add_options(parser: argparse.ArgumentParser, condition: str = '') -> None:
    """Add ``--dry-run`` and ``--auto-approve``.

    :param condition: how their help begins, where they are for one option only.
    """
    for option, meaning in (
        ('--dry-run', 'only show what would be deleted'),
        ('--auto-approve', 'delete without asking'),
    ):
        text = f'{condition}{meaning}'
        parser.add_argument(
            option, action='store_true', default=False, help=f'{text[0].upper()}{text[1:]}'
        )


def ask(reporter: 'Reporter', parsed_args: argparse.Namespace, sentence: str) -> None:
    """Ask on the terminal whether to go on; anything but yes is no.

    :raises RefusedError: it was not yes, or there is no terminal and no ``--auto-approve``.
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
