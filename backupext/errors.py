# SPDX-License-Identifier: Apache-2.0
"""Exceptions that carry a sentence for the user and an exit status; they never print.

A request that failed carries a cause as well: code decides by it, never by the words.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backupext.core.causes import Cause


class BackupError(Exception):
    """Something failed: the message is one sentence that says what, on which backup, and why."""

    exit_status = 1


class UsageError(BackupError):
    """The command line asks for nothing, or for something that makes no sense."""

    exit_status = 2


class NotFoundError(BackupError):
    """Nothing has this name or ID within reach of the user."""


class AmbiguousError(BackupError):
    """Several things have this name: the message lists their IDs."""


class UnsupportedError(BackupError):
    """The microversion in use, pinned or the cloud's newest, does not have what was asked for."""


class RefusedError(BackupError):
    """Refused before anything was changed, because it would lose data or cannot work."""


class EndedBadlyError(BackupError):
    """What was waited for cannot happen any more: the backup or volume is in another state."""


class RequestError(BackupError):
    """A request failed: the cloud refused it or could not be reached.

    :param sentence: what was tried and why it failed.
    :param advice: a sentence that says what to do next, which comes last.
    :param status: the HTTP status of the answer, None where none came.
    :param sent: whether the request may have reached the server.
    :param retry_after: how many seconds the cloud asks to wait before the next try.
    """

    def __init__(  # noqa: PLR0913  # what is known of a failure
        self,
        sentence: str,
        cause: 'Cause',
        *,
        advice: str | None = None,
        status: int | None = None,
        sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f'{sentence} {advice}' if advice else sentence)
        self.sentence = sentence
        self.advice = advice
        self.cause = cause
        self.status = status
        self._sent = sent
        self.retry_after = retry_after

    @property
    def is_transient(self) -> bool:
        """Whether it may pass on its own: no connection, too many requests, a server's fault."""
        return self.cause.is_transient

    @property
    def leaves_doubt(self) -> bool:
        """Whether the request may have been carried out although it failed."""
        return self._sent and self.cause.leaves_doubt

    def followed_by(self, later: 'RequestError') -> 'RequestError':
        """Join the first failure of a request with that of a later try, which it may explain."""
        if later.sentence == self.sentence:
            return later
        return RequestError(
            f'{self.sentence} Another try failed too. {later.sentence}',
            later.cause,
            advice=later.advice,
            status=later.status,
            retry_after=later.retry_after,
        )


class StoppedWaitingError(BackupError):
    """The wait has ended before the cloud has; nothing was cancelled.

    :param why: a clause such as 'Interrupted'.
    :param running: what still runs in the cloud, each with how to look at it.
    :param untouched: what was not asked for yet.
    :param advice: a sentence that says what to do next.
    """

    def __init__(
        self,
        why: str,
        running: Sequence[str] = (),
        untouched: Sequence[str] = (),
        advice: str | None = None,
    ) -> None:
        still = f': {", ".join(running)}' if running else ''
        rest = f' Not asked for yet: {", ".join(untouched)}.' if untouched else ''
        end = f' {advice}' if advice else ''
        super().__init__(f'{why}; nothing is cancelled{still}.{rest}{end}')
        self._why, self._running, self._untouched = why, (*running,), (*untouched,)
        self._advice = advice

    @property
    def names_something(self) -> bool:
        """Whether it names what still runs, or says what to do."""
        return bool(self._running or self._advice)

    def with_more(
        self,
        running: Sequence[str] = (),
        untouched: Sequence[str] = (),
        advice: str | None = None,
    ) -> 'StoppedWaitingError':
        """Return the same with more that still runs or was not asked for yet."""
        still = tuple(dict.fromkeys((*running, *self._running)))
        rest = tuple(dict.fromkeys((*self._untouched, *untouched)))
        return type(self)(self._why, still, rest, advice or self._advice)


class TimedOutError(StoppedWaitingError):
    """The time limit has passed; what was asked for goes on in the cloud."""

    exit_status = 3


class InterruptedByUserError(StoppedWaitingError):
    """Ctrl-C while waiting; nothing was cancelled."""

    exit_status = 130
