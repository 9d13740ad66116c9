# SPDX-License-Identifier: Apache-2.0
"""Requests that are in flight at once, and Ctrl-C while they are."""

import contextlib
import signal
import threading
from collections.abc import Iterator

#: Seconds after which a test fails instead of waiting for ever.
_GIVE_UP = 30


class Meeting:
    """A place where calls wait for each other: they go on when a number of them are there.

    If they are made one after another, the first one waits in vain and fails.
    """

    def __init__(self, number: int) -> None:
        self._barrier = threading.Barrier(number)

    def attend(self) -> None:
        """Wait for the others."""
        try:
            self._barrier.wait(_GIVE_UP)
        except threading.BrokenBarrierError:
            raise AssertionError('the calls are not made at once') from None


class Hang:
    """Calls that never return until the test ends, and that press Ctrl-C together."""

    def __init__(self, number: int) -> None:
        self._lock = threading.Lock()
        self._left = number
        self._over = threading.Event()

    def join(self) -> None:
        """Hang; the last of the calls presses Ctrl-C."""
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            press_ctrl_c()
        if not self._over.wait(_GIVE_UP):
            raise AssertionError('Ctrl-C does not end the command')

    def end(self) -> None:
        """Let the calls return."""
        self._over.set()


def press_ctrl_c() -> None:
    """Send the signal of Ctrl-C to the main thread, as a terminal does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextlib.contextmanager
def ctrl_c_works() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, which a shell turns off for background processes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
