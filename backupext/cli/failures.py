# SPDX-License-Identifier: Apache-2.0
"""The failures of a command that works on several things."""

from collections.abc import Callable

from backupext import errors


class Failures:
    """Tells the failures of a batch as they come; the failure of a single thing is the command's.

    :param alone: the batch is of one only.
    """

    def __init__(self, tell: Callable[[errors.BackupError], None], *, alone: bool) -> None:
        self._tell = tell
        self._alone = alone
        self._errors: list[errors.BackupError] = []

    def __call__(self, error: errors.BackupError) -> None:
        """Take note of a failure."""
        self._errors.append(error)
        if not self._alone:
            self._tell(error)
        elif len(self._errors) > 1:
            # A single thing may drag others along: its own failure has been held back until now.
            self._alone = False
            for each in self._errors:
                self._tell(each)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._errors)

    def conclude(self, summary: str, total: int) -> None:
        """End the command as failed, if anything failed.

        :param summary: a sentence with ``{failed}`` and ``{total}``, for several.
        :raises BackupError: something failed.
        """
        if not self._errors:
            return
        if self._alone:
            raise self._errors[0]
        raise errors.BackupError(summary.format(failed=len(self._errors), total=total))
