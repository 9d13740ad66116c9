# SPDX-License-Identifier: Apache-2.0
"""The statuses to wait for, and those from which they cannot be reached.

Cinder itself changes a backup from ``creating`` or ``restoring`` to ``available`` or ``error``, and
from ``deleting`` to ``error`` or ``error_deleting``, or removes it. Other changes need a request.
"""

from collections.abc import Set as AbstractSet
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """Whether to go on waiting."""

    WAITING = 'waiting'
    REACHED = 'reached'
    MISSED = 'missed'


class Goal(NamedTuple):
    """The statuses that a backup or a volume should reach.

    :param wanted: the statuses to wait for; if empty, wait until it is deleted.
    :param hopeless: statuses from which it cannot be reached, besides those that begin with
        ``error``.
    :param relapses: pairs of statuses: after the first was seen, it cannot be reached from the
        second.
    """

    wanted: frozenset[str]
    hopeless: frozenset[str] = frozenset()
    relapses: frozenset[tuple[str, str]] = frozenset()

    def judge(self, status: str | None, seen: AbstractSet[str]) -> Verdict:
        """Judge a status; None means that the backup or volume does not exist any more.

        :param seen: the earlier statuses since the wait began.
        """
        if status is None:
            return Verdict.MISSED if self.wanted else Verdict.REACHED
        if status in self.wanted:
            return Verdict.REACHED
        if status.startswith('error') or status in self.hopeless:
            return Verdict.MISSED
        if any((before, status) in self.relapses for before in seen):
            return Verdict.MISSED
        return Verdict.WAITING


def _relapses(before: str, *after: str) -> frozenset[tuple[str, str]]:
    return frozenset((before, status) for status in after)


#: A backup is deleted. An administrator who resets its status stops that.
GONE = Goal(frozenset(), relapses=_relapses('deleting', 'available', 'creating', 'restoring'))

#: A volume is restored. A volume that is in use, or offered to another project, was available
#: before. A temporary status, such as ``extending``, leads back to ``available``.
RESTORED = Goal(
    frozenset(
        {
            *('available', 'in-use', 'reserved', 'attaching', 'backing-up'),
            *('awaiting-transfer', 'maintenance'),
        }
    ),
    hopeless=frozenset({'deleting'}),
)

#: The goals of a backup, by the status to wait for.
BACKUP_GOALS = {
    'creating': Goal(frozenset({'creating'}), frozenset({'available', 'restoring', 'deleting'})),
    'available': Goal(frozenset({'available'}), frozenset({'deleting'})),
    'restoring': Goal(frozenset({'restoring'}), frozenset({'deleting'})),
    'error_restoring': Goal(
        frozenset({'error_restoring'}),
        frozenset({'deleting'}),
        _relapses('creating', 'available') | _relapses('restoring', 'available'),
    ),
    'deleting': Goal(frozenset({'deleting'})),
    'error': Goal(
        frozenset({'error'}),
        relapses=_relapses('creating', 'available')
        | _relapses('restoring', 'available')
        | _relapses('deleting', 'available'),
    ),
    'error_deleting': Goal(
        frozenset({'error_deleting'}), relapses=_relapses('deleting', 'available')
    ),
}
