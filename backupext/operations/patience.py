# SPDX-License-Identifier: Apache-2.0
"""One clock and one time limit for a command; repeated requests while the cloud is down."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from backupext import errors, parallel
from backupext.core.timespec import format_duration

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_GROWTH = 1.5

Answer = TypeVar('Answer')


class Clock(NamedTuple):
    """The time in seconds, and a way to sleep; tests pass their own."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class Patience:
    """Repeats requests while the cloud cannot answer, within one time limit for a command.

    Threads may share it.

    :param note: called once, when the cloud does not answer.
    :param timeout: the time limit in seconds from now; None means no limit.
    """

    def __init__(
        self, clock: Clock, note: Callable[[str], None], timeout: float | None = None
    ) -> None:
        self._clock = clock
        self._note = note
        self._timeout = timeout
        self._deadline = None if timeout is None else clock.now() + timeout
        # The first failure acquires it and is noted; nothing releases it.
        self._first_failure = threading.Lock()

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """Send a request that may be repeated, until the cloud answers it.

        :raises RequestError: the cloud refuses it. If an earlier try may have succeeded, the
            message has both failures.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        doubtful: errors.RequestError | None = None
        for pause in pauses():
            try:
                return request()
            except errors.RequestError as error:
                if error.is_transient:
                    doubtful = doubtful or (error if error.leaves_doubt else None)
                elif doubtful:
                    raise doubtful.followed_by(error) from error
                else:
                    raise
                self.bear(error, pause)
            except KeyboardInterrupt as error:
                raise errors.InterruptedByUserError('Interrupted') from error
        raise AssertionError('pauses never end')

    def bear(self, error: errors.RequestError, pause: float) -> None:
        """Note the first transient failure, and pause at least as long as the cloud asks.

        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C.
        """
        if self._first_failure.acquire(blocking=False):
            self._note(f'{error.sentence} Retrying until the cloud answers.')
        self.pause(max(pause, error.retry_after or 0))

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the time limit.

        :raises StoppedWaitingError: no time is left, or Ctrl-C.
        """
        left = self.time_left()
        if left is not None and left <= 0:
            after = format_duration(self._timeout or 0)
            raise errors.TimedOutError(f'Timed out after {after}')
        try:
            self._clock.sleep(seconds if left is None else min(seconds, left))
            parallel.check()
        except KeyboardInterrupt as error:
            raise errors.InterruptedByUserError('Interrupted') from error

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the clock: the time that the user takes to answer a question does not count."""
        begun = self._clock.now()
        try:
            yield
        finally:
            if self._deadline is not None:
                self._deadline += self._clock.now() - begun

    @property
    def has_time(self) -> bool:
        """Whether the time limit has not passed."""
        return self.time_left() != 0

    def time_left(self) -> float | None:
        """Return the seconds until the time limit, 0 or more; None if there is no limit."""
        if self._deadline is None:
            return None
        return max(self._deadline - self._clock.now(), 0)


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try, endlessly: longer each time."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
