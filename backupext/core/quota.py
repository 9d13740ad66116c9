# SPDX-License-Identifier: Apache-2.0
"""A project's quotas of backups and of volumes, and what is left of them."""

from collections.abc import Iterator, Mapping
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
            return _too_large('backups', self.gigabytes, self.used_gigabytes, 'this backup', size)
        return None

    def find_excess(self, backups: int, gigabytes: int) -> Iterator[str]:
        """Yield a sentence for each limit that is too small for this many backups."""
        if self.backups is not None and backups > self.backups:
            yield f'That is too much: the quota allows {self.backups} backups.'
        if self.gigabytes is not None and gigabytes > self.gigabytes:
            yield f'That is too much: the quota allows {self.gigabytes} GiB of backups.'

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


class VolumeLimits(NamedTuple):
    """The limits of a project's volumes, and what they use, as :class:`Limits` of backups.

    Cinder counts the size of snapshots too, unless the cloud is configured otherwise.
    """

    volumes: int | None = None
    gigabytes: int | None = None
    used_volumes: int = 0
    used_gigabytes: int = 0

    @classmethod
    def from_api(cls, absolute: Mapping[str, Any]) -> 'VolumeLimits':
        """Build limits from the ``absolute`` part of ``/limits``, where -1 means no limit."""
        return cls(
            _limit(absolute.get('maxTotalVolumes')),
            _limit(absolute.get('maxTotalVolumeGigabytes')),
            absolute.get('totalVolumesUsed') or 0,
            absolute.get('totalGigabytesUsed') or 0,
        )

    def find_objection(self, count: int, size: int) -> str | None:
        """Return why new volumes do not fit, as a clause; None if they do.

        :param size: the size of all of them.
        """
        needed = f'{count} new volume{"" if count == 1 else "s"}'
        verb = 'is' if count == 1 else 'are'
        if self.volumes is not None and self.used_volumes + count > self.volumes:
            return (
                f'the quota allows {self.volumes} volumes, {self.used_volumes} exist and {needed} '
                f'{verb} needed'
            )
        if self.gigabytes is not None and self.used_gigabytes + size > self.gigabytes:
            return _too_large('volumes', self.gigabytes, self.used_gigabytes, needed, size)
        return None


def _too_large(things: str, allowed: int, used: int, new: str, size: int) -> str:
    need = 'need' if new.endswith('s') else 'needs'
    return (
        f'the quota allows {allowed} GiB of {things}; {used} GiB exist and {new} {need} {size} GiB'
    )


def _limit(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
