# SPDX-License-Identifier: Apache-2.0
"""A project's quota of backups, and what is left of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """The limits of a project's backups, and what they use; None means no limit.

    Sizes are in GiB. An incremental backup counts with the full size of its volume.
    """

    backups: int | None = None
    gigabytes: int | None = None
    used_backups: int = 0
    used_gigabytes: int = 0

    @classmethod
    def from_api(cls, absolute: Mapping[str, Any]) -> 'Limits':
        """Build limits from the ``absolute`` part of ``/limits``, where -1 means no limit."""
        return cls(
            _limit(absolute.get('maxTotalBackups')),
            _limit(absolute.get('maxTotalBackupGigabytes')),
            absolute.get('totalBackupsUsed') or 0,
            absolute.get('totalBackupGigabytesUsed') or 0,
        )

    def with_one_more(self, size: int) -> 'Limits':
        """Return the limits after another backup of a size."""
        return self._replace(
            used_backups=self.used_backups + 1, used_gigabytes=self.used_gigabytes + size
        )

    def find_objection(self, size: int) -> str | None:
        """Return why another backup of a size does not fit, as a clause; None if it fits."""
        if self.backups is not None and self.used_backups + 1 > self.backups:
            return f'the quota allows {self.backups} backups, and {self.used_backups} exist'
        if self.gigabytes is not None and self.used_gigabytes + size > self.gigabytes:
            return (
                f'the quota allows {self.gigabytes} GiB of backups; {self.used_gigabytes} GiB '
                f'exist and this backup needs {size} GiB'
            )
        return None

    def find_shortage(self, backups: int, gigabytes: int) -> str | None:
        """Return why more backups do not fit together, as a clause; None if they fit.

        :param gigabytes: the sum of their sizes.
        """
        if self.backups is not None and self.used_backups + backups > self.backups:
            return (
                f'the quota allows {self.backups} backups; {self.used_backups} exist, and '
                f'{backups} more are needed'
            )
        if self.gigabytes is not None and self.used_gigabytes + gigabytes > self.gigabytes:
            return (
                f'the quota allows {self.gigabytes} GiB of backups; {self.used_gigabytes} GiB '
                f'exist, and {gigabytes} GiB more are needed'
            )
        return None


def _limit(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
