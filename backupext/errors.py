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

    ``status`` is the HTTP status of the answer, None where none came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
