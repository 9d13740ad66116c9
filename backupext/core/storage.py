# SPDX-License-Identifier: Apache-2.0
"""What the storage behind Cinder does with the data of backups, as far as the API shows it.

The Ceph driver writes every backup of a snapshot into one image for each volume, without a record
of which backup the data belongs to. Deleting any of these backups may remove the image, and with it
the data of another one, which still says ``available``. So does deleting a backup of the volume
that failed: a full one without an image, or an incremental one whose parent is one of a snapshot.
"""

from collections.abc import Iterable

from backupext.core.models import Backup

#: No backup in these statuses can be restored.
_LOST = frozenset({'error', 'deleting', 'deleted', 'error_deleting'})


def may_be_ceph(backups: Iterable[Backup]) -> bool:
    """Return whether Ceph may hold the backups of a volume.

    Every other driver counts the objects of a full backup; Ceph leaves the count at 0.

    :param backups: all known backups of one volume.
    """
    return not any(not backup.is_incremental and backup.object_count for backup in backups)


def shares_data_with(
    backup: Backup, backups: Iterable[Backup], parents: Iterable[Backup] | None = None
) -> list[Backup]:
    """Return the other backups whose data may be destroyed when a backup is deleted.

    They are backups of snapshots of the same volume, in any project. There are none where Ceph can
    be excluded.

    :param backups: all known backups of the volume; those of other volumes are ignored.
    :param parents: the possible parents of the backup. Without them any backup of the volume may be
        the parent of an incremental backup that failed.
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
    # Without an image of its own, a full backup that failed is looked for in the shared one.
    return backup.status in _LOST


def is_in_shared_image(backup: Backup) -> bool:
    """Return whether the image of a volume's backups of snapshots may hold a backup's data."""
    return bool(backup.snapshot_id) and backup.status not in _LOST


def has_finished(backup: Backup) -> bool:
    """Return whether a backup was completed; one that failed keeps its fail reason for good."""
    return backup.status == 'available' and not backup.fail_reason
