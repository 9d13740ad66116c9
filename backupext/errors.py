# SPDX-License-Identifier: Apache-2.0
"""Exceptions that carry a message for the user and an exit status; they never print.

The message says what happened, to which backup, why, and last what to do next. A failed request
also has a cause. Code decides by the type and the cause, never by the words.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backupext.core.causes import Cause


class BackupError(Exception):
    """The command failed."""

    exit_status = 1


class UsageError(BackupError):
    """The command line requests nothing, or its options contradict each other."""

    exit_status = 2


class NotFoundError(BackupError):
    """Nothing that the user can see has this name or ID."""


class AmbiguousError(BackupError):
    """Several things have this name; the message lists their IDs."""


class UnsupportedError(BackupError):
    """The microversion in use, pinned or the newest of the cloud, lacks what was requested."""


class RefusedError(BackupError):
    """The plugin refused before it changed anything: data would be lost, or it cannot work."""


class EndedBadlyError(BackupError):
    """A backup or volume cannot reach the status that the command waits for."""


class PartlyFailedError(BackupError):
    """Some of several operations failed, and some succeeded."""

    exit_status = 4


class RequestError(BackupError):
    """A request failed: the cloud refused it or could not be reached.

    :param sentence: what was tried and why it failed.
    :param advice: a sentence that says what to do next; it comes last.
    :param status: the HTTP status of the answer, or None if there was no answer.
    :param sent: whether the request may have reached the server.
    :param retry_after: the number of seconds to wait before the next try, if the cloud names one.
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
        """Whether a later try may succeed: no connection, too many requests, a server's fault."""
        return self.cause.is_transient

    @property
    def leaves_doubt(self) -> bool:
        """Whether the cloud may have carried out the request although it failed."""
        return self._sent and self.cause.leaves_doubt

    def followed_by(self, later: 'RequestError') -> 'RequestError':
        """Return a failure that reports the first try too, since it may explain the later one."""
        if later.sentence == self.sentence:
            return later
        return RequestError(
            f'{self.sentence} The next try failed too. {later.sentence}',
            later.cause,
            advice=later.advice,
            status=later.status,
            retry_after=later.retry_after,
        )


class StoppedWaitingError(BackupError):
    """The command stopped waiting before the cloud finished; nothing was cancelled.

    :param why: a clause such as 'Interrupted'.
    :param running: what the cloud may still be working on, each with the command that shows it.
    :param not_started: what the command has not requested yet.
    :param advice: a sentence that says what to do next.
    """

    def __init__(
        self,
        why: str,
        running: Sequence[str] = (),
        not_started: Sequence[str] = (),
        advice: str | None = None,
    ) -> None:
        first = f'{why}; nothing was cancelled.' if running else f'{why}.'
        still = f'The cloud may still be working on {", ".join(running)}.' if running else ''
        rest = f'Not started: {", ".join(not_started)}.' if not_started else ''
        super().__init__(' '.join(filter(None, (first, still, rest, advice))))
        self._why = why
        self.running, self.not_started = (*running,), (*not_started,)
        self.advice = advice

    @property
    def names_something(self) -> bool:
        """Whether the message names what may still run, or says what to do."""
        return bool(self.running or self.advice)

    def with_more(
        self,
        running: Sequence[str] = (),
        not_started: Sequence[str] = (),
        advice: str | None = None,
    ) -> 'StoppedWaitingError':
        """Return the same error with more that may still run or was not started."""
        still = tuple(dict.fromkeys((*running, *self.running)))
        rest = tuple(dict.fromkeys((*self.not_started, *not_started)))
        return type(self)(self._why, still, rest, advice or self.advice)


class TimedOutError(StoppedWaitingError):
    """The time limit has passed; the cloud continues."""

    exit_status = 3


class InterruptedByUserError(StoppedWaitingError):
    """The user pressed Ctrl-C; nothing was cancelled."""

    exit_status = 130
