# SPDX-License-Identifier: Apache-2.0
"""Signals that end a command."""

import contextlib
import signal
from collections.abc import Iterator, Sequence
from typing import Any

from backupext import errors

# The exit status of a process that a signal ends, as shells show it, is this plus its number.
_ENDED_BY_SIGNAL = 128


@contextlib.contextmanager
def treated_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, within this context.

    systemd ends a service with SIGTERM, and a closed terminal its command with SIGHUP. A signal
    that is ignored, as ``nohup`` does, stays ignored.

    :raises InterruptedByUserError: a signal has ended the command. Its exit status is the one that
        scripts expect: 143 for SIGTERM, 129 for SIGHUP.
    """
    received: list[int] = []

    def interrupt(number: int, _frame: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    try:
        with _handled(interrupt):
            yield
    except KeyboardInterrupt as error:
        if not received:
            raise
        raise _with_status(errors.InterruptedByUserError('Interrupted'), received) from error
    except errors.InterruptedByUserError as error:
        raise _with_status(error, received) from error.__cause__


def _with_status(
    error: errors.InterruptedByUserError, received: Sequence[int]
) -> errors.InterruptedByUserError:
    if received:
        error.exit_status = _ENDED_BY_SIGNAL + received[0]
    return error


@contextlib.contextmanager
def _handled(handler: Any) -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    changed = [each for each, old in before.items() if old is not signal.SIG_IGN]
    for each in changed:
        signal.signal(each, handler)
    try:
        yield
    finally:
        for each in changed:
            signal.signal(each, before[each] or signal.SIG_DFL)
