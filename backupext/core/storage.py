# SPDX-License-Identifier: Apache-2.0
"""Backups whose data is shared on Ceph, as far as the API shows it.

The Ceph driver writes all backups of a volume's snapshots into one image, and does not record which
backup the data belongs to. Deleting any of these backups may remove the image, and with it the data
of another one, whose status is still ``available``. Deleting a failed backup of the volume may do
the same: a full backup without an image, or an incremental one whose parent is a backup of a
snapshot.
"""

from collections.abc import Iterable

from backupext.core.models import Backup

#: The data of backups in these statuses is lost.
_LOST = frozenset({'error', 'deleting', 'deleted', 'error_deleting'})


def may_be_ceph(backups: Iterable[Backup]) -> bool:
    """Return whether the backups of a volume may be on Ceph.

    Every other driver counts the objects of a full backup. On Ceph the count is always 0.

    :param backups: all known backups of one volume.
    """
    return not any(not backup.is_incremental and backup.object_count for backup in backups)


def shares_data_with(
    backup: Backup, backups: Iterable[Backup], parents: Iterable[Backup] | None = None
) -> list[Backup]:
    """Return the other backups whose data may be destroyed if a backup is deleted.

    They are backups of snapshots of the same volume, in any project. If the volume is certainly not
    on Ceph there are none.

    :param backups: all known backups of the volume; those of other volumes are ignored.
    :param parents: the possible parents of the backup. If they are not known, any backup of the
        volume may be the parent of a failed incremental backup.
    """
    siblings = [each for each in backups if each.volume_id == backup.volume_id]
    if not may_be_ceph(siblings):
        return []
    if not uses_shared_image(backup, siblings if parents is None else parents):
        return []
    return [each for each in siblings if each.id != backup.id and is_in_shared_image(each)]


def uses_shared_image(backup: Backup, parents: Iterable[Backup]) -> bool:
    """Return whether deleting a backup may remove the image of its volume's backups of snapshots.

    :param parents: the possible parents of the backup.
    """
    if backup.snapshot_id:
        return True
    if has_finished(backup):
        return False
    if backup.is_incremental:
        return any(parent.snapshot_id for parent in parents)
    # If a failed full backup has no image, the driver looks for it in the shared one.
    return backup.status in _LOST


def one_after_another(backups: Iterable[Backup]) -> dict[str, str]:
    """Return, by ID, which backup must be deleted before another because both may share data.

    The driver removes their image with the last of them. If two are deleted at once, one of the
    deletions may fail: the image is busy, or is gone already.

    :param backups: in the order of their deletion.
    """
    of_volume: dict[str | None, list[Backup]] = {}
    for backup in backups:
        of_volume.setdefault(backup.volume_id, []).append(backup)
    before: dict[str, str] = {}
    for siblings in of_volume.values():
        if may_be_ceph(siblings) and any(each.snapshot_id for each in siblings):
            sharing = [each.id for each in siblings if uses_shared_image(each, siblings)]
            before.update(zip(sharing[1:], sharing, strict=False))
    return before


def is_in_shared_image(backup: Backup) -> bool:
    """Return whether the image of a volume's backups of snapshots may hold a backup's data."""
    return bool(backup.snapshot_id) and backup.status not in _LOST


def has_finished(backup: Backup) -> bool:
    """Return whether a backup was completed; a failed one always keeps its fail reason."""
    return backup.status == 'available' and not backup.fail_reason
