# SPDX-License-Identifier: Apache-2.0
"""What is waited for, and which statuses cannot lead there any more.

On its own Cinder moves a backup from ``creating`` or ``restoring`` to ``available`` or ``error``,
and from ``deleting`` to gone, ``error`` or ``error_deleting``. Everything else takes a request.
"""

from collections.abc import Set as AbstractSet
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """How a wait stands."""

    WAITING = 'waiting'
    REACHED = 'reached'
    MISSED = 'missed'


class Goal(NamedTuple):
    """Where a backup or a volume is to get.

    :param wanted: statuses that end the wait well; empty: it is to be gone.
    :param hopeless: statuses that cannot lead there, besides those that begin with ``error``.
    :param relapses: pairs of statuses: the second cannot lead there once the first has been seen.
    """

    wanted: frozenset[str]
    hopeless: frozenset[str] = frozenset()
    relapses: frozenset[tuple[str, str]] = frozenset()

    def judge(self, status: str | None, seen: AbstractSet[str]) -> Verdict:
        """Judge a status; None means that the backup or volume is gone.

        :param seen: the statuses that it had since the wait began.
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


#: A backup is to be gone. An administrator's reset makes one available again.
GONE = Goal(frozenset(), relapses=_relapses('deleting', 'available', 'creating', 'restoring'))

#: A volume is to have been restored. One that is in use was available in between.
RESTORED = Goal(
    frozenset({'available', 'in-use', 'reserved', 'attaching', 'backing-up'}),
    hopeless=frozenset({'deleting'}),
)

#: What a backup may be waited for, by status.
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
