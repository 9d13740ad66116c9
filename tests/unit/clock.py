# SPDX-License-Identifier: Apache-2.0
"""A clock that advances only when somebody sleeps."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from unittest import mock

#: An arbitrary start; no code may depend on it.
START = 1000.0
#: No test sleeps this often.
OFTEN = 2000


class FakeClock:
    """Counts the time slept; :attr:`during` runs in the middle of each sleep.

    Threads may share it: their sleeps add up.
    """

    def __init__(self) -> None:
        self.time = START
        self.sleeps: list[float] = []
        self.during: Callable[[], None] | None = None
        self._lock = threading.RLock()

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return self.time - START

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError('sleep length must be non-negative')
        if len(self.sleeps) >= OFTEN:
            raise AssertionError('it sleeps for ever')
        with self._lock:
            self.sleeps.append(seconds)
            if self.during:
                self.during()
            self.time += seconds

    def interrupt_at(self, number: int) -> None:
        """Press Ctrl-C in the middle of the sleep with this number, counted from 1."""

        def press() -> None:
            if len(self.sleeps) == number:
                raise KeyboardInterrupt

        self.during = press

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Replace the clock of this process."""
        with mock.patch('time.sleep', self.sleep), mock.patch('time.monotonic', self.now):
            yield
