# SPDX-License-Identifier: Apache-2.0
"""Asking before something is destroyed that was not named one by one, as OSC's project cleanup."""

import argparse
import sys
from typing import Any

from backupext import errors


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


def ask(app: Any, parsed_args: argparse.Namespace, sentence: str) -> None:
    """Ask on the terminal whether to go on; anything but yes is no.

    :raises RefusedError: it was not yes, or nobody can be asked and ``--auto-approve`` is missing.
    """
    if parsed_args.auto_approve:
        return
    if not sys.stdin.isatty():
        raise errors.RefusedError(
            'Nothing was deleted: nobody can be asked here; --auto-approve deletes without asking.'
        )
    app.stdout.flush()
    app.stderr.write(f'{sentence} Are you sure? [y/N] ')
    app.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {'y', 'yes'}:
        raise errors.RefusedError('Nothing was deleted.')
