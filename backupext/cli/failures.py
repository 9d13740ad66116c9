# SPDX-License-Identifier: Apache-2.0
"""The failures of a command that works on several backups."""

from collections.abc import Callable

from backupext import errors


class Failures:
    """Reports each failure of a batch immediately, but raises the failure of a single backup.

    :param report: reports a failure.
    :param alone: the batch has one backup only.
    """

    def __init__(self, report: Callable[[errors.BackupError], None], *, alone: bool) -> None:
        self._report = report
        self._alone = alone
        self._errors: list[errors.BackupError] = []

    def __call__(self, error: errors.BackupError) -> None:
        """Record a failure, and report it unless it may be the only one."""
        self._errors.append(error)
        if not self._alone:
            self._report(error)
        elif len(self._errors) > 1:
            # The dependents of a single backup can fail too: report the first failure as well.
            self._alone = False
            for each in self._errors:
                self._report(each)

    @property
    def count(self) -> int:
        """The number of failures."""
        return len(self._errors)

    def conclude(self, summary: str, total: int, *, tells_some_from_all: bool = False) -> None:
        """Raise an error if there is a failure.

        :param summary: a sentence with ``{failed}`` and ``{total}``, for a batch.
        :param tells_some_from_all: the exit status is another one if only some have failed.
        :raises BackupError: there is at least one failure.
        """
        if not self._errors:
            return
        if self._alone:
            raise self._errors[0]
        failed = len(self._errors)
        some = tells_some_from_all and failed < total
        kind = errors.PartlyFailedError if some else errors.BackupError
        raise kind(summary.format(failed=failed, total=total))
