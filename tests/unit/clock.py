# SPDX-License-Identifier: Apache-2.0
"""A clock that passes when somebody sleeps, and not by itself."""

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

#: Where it begins; nobody may rely on it.
START = 1000.0
#: No test needs to sleep as often.
OFTEN = 2000


class FakeClock:
    """Knows how long everybody has slept; :attr:`during` runs in the middle of each sleep."""

    def __init__(self) -> None:
        self.time = START
        self.sleeps: list[float] = []
        self.during: Callable[[], None] | None = None

    @property
    def passed(self) -> float:
        """How many seconds have passed since the beginning."""
        return self.time - START

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError('sleep length must be non-negative')
        if len(self.sleeps) >= OFTEN:
            raise AssertionError('it sleeps for ever')
        self.sleeps.append(seconds)
        if self.during:
            self.during()
        self.time += seconds

    def interrupt_at(self, number: int) -> None:
        """Press Ctrl-C in the middle of a sleep, counted from 1."""

        def press() -> None:
            if len(self.sleeps) == number:
                raise KeyboardInterrupt

        self.during = press

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Be the clock of this process."""
        with mock.patch('time.sleep', self.sleep), mock.patch('time.monotonic', self.now):
            yield
