# SPDX-License-Identifier: Apache-2.0
"""Exceptions that carry a sentence for the user and an exit status; they never print."""


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


class RequestError(BackupError):
    """A request failed: the cloud refused it or could not be reached.

    ``status`` is the HTTP status of the answer, None where none came; ``retry_after`` is how many
    seconds the cloud asks to wait before the next try.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        lost: bool = False,
        sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self._lost = lost
        self._sent = sent
        self.retry_after = retry_after

    @property
    def is_transient(self) -> bool:
        """Whether it may pass on its own: no connection, too many requests, a server's fault."""
        return self._lost or self.status in {429, 500, 502, 503, 504}

    @property
    def leaves_doubt(self) -> bool:
        """Whether the request may have been carried out although it failed."""
        return (self._lost and self._sent) or self.status in {500, 502, 503, 504}


class TimedOutError(BackupError):
    """The time limit has passed; what was asked for goes on in the cloud."""

    exit_status = 3


class InterruptedByUserError(BackupError):
    """Ctrl-C while waiting; nothing was cancelled."""

    exit_status = 130
