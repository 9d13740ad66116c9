# SPDX-License-Identifier: Apache-2.0
"""Which backup an incremental may build on, inferred by Cinder's own rule.

Cinder never shows the parent. When it makes an incremental it takes, among the volume's backups in
the requester's project, the ``available`` one with the latest data timestamp; for a backup of a
snapshot only those whose data is older than the snapshot. Container, availability zone and host do
not matter. A backup that was not available just then was passed over.

Times of the API's host and of the backup service's are compared, so the cloud's clocks must agree
to within the time that a backup takes, as OpenStack needs them to. Should they not, or should the
backup service die between the two writes that end a backup, another backup may be taken for the
parent. No parent is lost by that: Cinder refuses to delete one within its project, and across
projects the plugin asks Cinder for the children before each deletion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone

from backupext.core.models import Backup, parse_time

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def possible_parents(child: Backup, backups: Iterable[Backup]) -> list[Backup]:
    """Give every backup that an incremental may build on, the likeliest first.

    A parent cannot be deleted before its child, so the true one is among them as long as it is
    there at all. One is certain; several mean that some may have been passed over.

    :param backups: all of the project's backups of the volume; others are ignored.
    """
    if not child.is_incremental:
        return []
    earlier = sorted(
        (backup for backup in backups if _may_precede(backup, child)),
        key=lambda backup: backup.data_time or _LONG_AGO,
        reverse=True,
    )
    if _has_finished(child):
        return [each for each in earlier if _touched_since(each, child)] or earlier
    return _up_to_the_first_available(child, earlier)


def _up_to_the_first_available(child: Backup, earlier: Sequence[Backup]) -> list[Backup]:
    parents: list[Backup] = []
    for backup in earlier:
        parents.append(backup)
        if _was_surely_available(backup, child) and not _has_a_twin(backup, earlier):
            break
    return parents


def _has_finished(child: Backup) -> bool:
    """Tell whether a backup was made to its end; one that failed keeps the reason of it."""
    return child.status == 'available' and not child.fail_reason


def _touched_since(backup: Backup, child: Backup) -> bool:
    """Tell whether a backup has been touched since a child was created.

    When a child is finished Cinder counts it in its parent's row, whose updated_at changes. What
    has not changed since before then is not the parent.
    """
    if not backup.updated_at or not child.created_at:
        return True
    return parse_time(backup.updated_at) >= created(child)


def dependents(backup: Backup, backups: Iterable[Backup]) -> tuple[list[Backup], list[Backup]]:
    """Give the incrementals that build on a backup, directly or not: the certain, the possible.

    Possible is what may build on it or on one that may, and may build on another as well.
    """
    known = list(backups)
    parents = _parents(known, known)
    reach = _grown({backup.id}, parents, lambda ids, found: bool(ids & found))
    sure = _grown({backup.id}, parents, lambda ids, found: bool(ids) and ids <= found)
    certain = [each for each in known if each.id in sure - {backup.id}]
    possible = [each for each in known if each.id in reach - sure]
    return certain, possible


def _parents(children: Iterable[Backup], backups: Sequence[Backup]) -> dict[str, set[str]]:
    """Give the IDs of each one's possible parents, those of the oldest first."""
    return {
        child.id: {parent.id for parent in possible_parents(child, backups)}
        for child in creation_order(children)
    }


def _grown(
    found: set[str],
    parents: Mapping[str, set[str]],
    follows: Callable[[set[str], set[str]], bool],
) -> set[str]:
    """Add each one that follows from its possible parents and what is found, until none does.

    A parent was created before its child, so that one round finds them all, except where a
    database keeps whole seconds and leaves the order open.
    """
    size = 0
    while size < len(found):
        size = len(found)
        for id_, ids in parents.items():
            if follows(ids, found):
                found.add(id_)
    return found


def creation_order(backups: Iterable[Backup]) -> list[Backup]:
    """Sort backups by creation, the oldest first."""
    return sorted(backups, key=_age)


def deletion_order(backups: Iterable[Backup]) -> list[Backup]:
    """Sort backups so that each comes before what it may build on: the newest first.

    A parent was available before its child was created; data timestamps prove nothing.
    """
    return sorted(backups, key=_age, reverse=True)


def blockers(backup: Backup, others: Iterable[Backup]) -> list[Backup]:
    """Give those that must be gone before a backup can be deleted, as far as anybody can tell.

    They are the later incrementals of the same volume and project, whatever they build on.
    """
    return [
        other
        for other in others
        if other.id != backup.id
        and other.is_incremental
        and other.volume_id == backup.volume_id
        and other.project_id == backup.project_id
        and _age(other) > _age(backup)
    ]


def by_id(backups: Iterable[Backup]) -> Mapping[str, Backup]:
    """Index backups by ID."""
    return {backup.id: backup for backup in backups}


def created(backup: Backup) -> datetime:
    """Give the time of creation; a backup without one is as old as can be."""
    return backup.created or _LONG_AGO


def _age(backup: Backup) -> tuple[datetime, bool, str]:
    """Order backups by creation; some databases keep whole seconds, so that ties need an order."""
    return created(backup), bool(backup.is_incremental), backup.id


def _may_precede(backup: Backup, child: Backup) -> bool:
    if backup.id == child.id or backup.volume_id != child.volume_id:
        return False
    if backup.project_id != child.project_id or created(backup) > created(child):
        return False
    # For a backup of a snapshot Cinder looks only at data that is older than the snapshot, which
    # is the child's data timestamp.
    return not child.snapshot_id or (backup.data_time or _LONG_AGO) < (child.data_time or _LONG_AGO)


def _was_surely_available(backup: Backup, child: Backup) -> bool:
    """Tell whether a backup was available when the child was created.

    It is now, and nothing has touched it since before then.
    """
    if backup.status != 'available' or not backup.updated_at or not child.created_at:
        return False
    return parse_time(backup.updated_at) < created(child)


def _has_a_twin(backup: Backup, backups: Iterable[Backup]) -> bool:
    """Tell whether another has the same data timestamp: which one Cinder took is then unknown."""
    return any(other.id != backup.id and other.data_time == backup.data_time for other in backups)


def restorable(backups: Iterable[Backup]) -> frozenset[str]:
    """Give the IDs of what can be restored: available, and on an unbroken chain down to a full.

    Where the parent is in doubt, one possible parent that can be restored is enough.
    """
    known = list(backups)
    usable = [each for each in known if each.status == 'available']
    full = {each.id for each in usable if not each.is_incremental}
    parents = _parents(usable, known)
    return frozenset(_grown(full, parents, lambda ids, found: bool(ids & found)))


def likeliest_parent(backups: Iterable[Backup], before: datetime | None = None) -> Backup | None:
    """Choose what Cinder would build a new incremental on, among available backups of a volume.

    :param before: for a backup of a snapshot, when that was taken: older data only.
    """
    usable = [each for each in backups if before is None or (each.data_time or before) < before]
    return max(usable, key=lambda backup: backup.data_time or _LONG_AGO, default=None)
