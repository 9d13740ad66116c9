# SPDX-License-Identifier: Apache-2.0
"""The properties that a rotation gives its backups: whose they are, and what they contain.

They are part of the request that creates a backup. A later update would change ``updated_at``, from
which the parents of incremental backups are inferred.
"""

from collections.abc import Mapping
from typing import NamedTuple

from backupext.core.models import Attachment, Backup, Volume

_PREFIX = 'backupext:'

#: The label of the rotation that a backup belongs to.
ROTATION = f'{_PREFIX}rotation'
#: The run of the rotation: all backups of a run have the same value.
RUN = f'{_PREFIX}run'
#: The project of the volume, if it is not that of the backup.
PROJECT = f'{_PREFIX}project'

#: The ID of the backup that an incremental one was expected to build on, when it was requested.
PARENT = f'{_PREFIX}parent'

#: The property of a new volume that ``recover`` creates: the ID of the backup. Cinder
#: replaces it at the end of the restore by the properties of the source volume.
RECOVERED_FROM = f'{_PREFIX}recovered-from'
#: The property that Cinder gives a volume at the end of a restore: the ID of the backup.
RESTORED_FROM = 'src_backup_id'

DEFAULT_LABEL = 'rotation'

#: The longest value of a property that Cinder accepts.
LONGEST_VALUE = 255


class Origin(NamedTuple):
    """What a backup's properties say about its volume at the time of the backup."""

    volume_name: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    bootable: str | None = None
    server: str | None = None
    server_name: str | None = None
    device: str | None = None


#: The properties of an origin, by field.
ORIGIN_KEYS: Mapping[str, str] = {
    field: f'{_PREFIX}{field.replace("_", "-")}' for field in Origin._fields
}


def is_reserved(key: str) -> bool:
    """Return whether a property is one that rotations set themselves."""
    return key.startswith(_PREFIX)


def label_of(backup: Backup) -> str | None:
    """Return the label of the rotation that created a backup; None if none did."""
    return (backup.metadata or {}).get(ROTATION)


def run_of(backup: Backup) -> str | None:
    """Return the run of the rotation that created a backup; None if none did."""
    return (backup.metadata or {}).get(RUN)


def parent_of(backup: Backup) -> str | None:
    """Return the ID of the expected parent of a rotation's backup; None if it is not known."""
    return (backup.metadata or {}).get(PARENT)


def origin_of(backup: Backup) -> Origin:
    """Return what a backup's properties say about its volume."""
    properties = backup.metadata or {}
    return Origin(**{field: properties.get(key) for field, key in ORIGIN_KEYS.items()})


def describe(
    volume: Volume, attachment: Attachment | None = None, server_name: str | None = None
) -> Origin:
    """Return the origin to store with a backup of a volume.

    :param attachment: the volume's attachment to a server, if it has one.
    """
    server, device = attachment or (None, None)
    return Origin(
        volume.name,
        volume.volume_type,
        volume.availability_zone,
        volume.bootable,
        server,
        server_name,
        device,
    )


def properties(
    label: str,
    run: str,
    origin: Origin,
    project: str | None = None,
    parent: Backup | None = None,
) -> dict[str, str]:
    """Return the properties of a rotation's backup; unknown ones are left out.

    :param project: the volume's project, if it is not that of the backup.
    :param parent: the expected parent of an incremental backup.
    """
    known = {ROTATION: label, RUN: run, PROJECT: project, PARENT: parent.id if parent else None}
    known |= {ORIGIN_KEYS[field]: value for field, value in origin._asdict().items()}
    return {key: value[:LONGEST_VALUE] for key, value in known.items() if value}
