# SPDX-License-Identifier: Apache-2.0
"""The volumes that ``verify`` restores to and deletes, and what marks them.

A restore copies the metadata of the source volume over that of the new volume, so a property does
not survive. The name and the description do. Cinder adds ``src_backup_id`` at the end of a restore.
"""

import re
from typing import NamedTuple

from backupext.core.models import Volume

_NAME = re.compile(
    r'backupext-verify-(?P<run>[0-9a-f]{8})-(?P<backup>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})'
)
_PROPERTY = 'backupext:verify'
_SOURCE = 'src_backup_id'

#: The statuses of a restore that has not ended; Cinder refuses to delete the volume.
RUNNING = frozenset({'creating', 'downloading', 'restoring-backup'})
_FAILED = frozenset({'error', 'error_restoring'})

_KEY = (
    'it may have the encryption key of the volume that was backed up, and Cinder would delete that '
    'key with it. Ask the operator of the cloud to delete the volume without its key'
)


class Mark(NamedTuple):
    """What marks the volume to which a backup is restored.

    :param run: one value per run, 8 hexadecimal digits.
    :param is_kept: the volume is to be kept, so that no later run takes it for a scratch volume.
    """

    run: str
    backup_id: str
    is_kept: bool = False

    @property
    def name(self) -> str:
        """The name of the volume, which no other volume has."""
        kind = 'verified' if self.is_kept else 'verify'
        return f'backupext-{kind}-{self.run}-{self.backup_id}'

    @property
    def description(self) -> str:
        """The description of the volume."""
        if self.is_kept:
            return f"Restored from backup {self.backup_id} by 'openstack volume backup verify'."
        return (
            f"Scratch volume of 'openstack volume backup verify' for backup {self.backup_id}. It "
            'will be deleted.'
        )

    @property
    def properties(self) -> dict[str, str]:
        """The properties of the volume until the restore replaces them."""
        return {_PROPERTY: self.run}

    def is_on(self, volume: Volume) -> bool:
        """Return whether a volume has the name and the description."""
        return (volume.name, volume.description) == (self.name, self.description)


def find_mark(volume: Volume) -> Mark | None:
    """Return the mark of a scratch volume; None if a volume is something else."""
    found = _NAME.fullmatch(volume.name or '')
    mark = Mark(found['run'], found['backup']) if found else None
    return mark if mark and mark.is_on(volume) else None


def find_objection(volume: Volume, mark: Mark, project: str | None) -> str | None:
    """Return why a volume must not be deleted, as a clause; None if nothing is known.

    The encryption key is not considered: see :func:`find_key_objection`.

    :param mark: what marked the volume when it was created.
    :param project: the project of the user.
    """
    if not mark.is_on(volume):
        return 'its name or its description has changed'
    if volume.project_id not in {None, project}:
        return 'it belongs to another project'
    if volume.attachments:
        return 'it is attached'
    if volume.status not in _FAILED | {'available'}:
        return f'its status is {volume.status}'
    return None


def find_key_objection(volume: Volume, own_key: str | None, *, shows_keys: bool) -> str | None:
    """Return why the encryption key of the volume forbids its deletion; None if nothing does.

    In the middle of a restore, Cinder gives the new volume the key of the source volume, and only
    at the end a copy of that key. If the restore fails in between, both volumes have the same key.

    :param own_key: the ID of the key with which the volume was created, if it is known.
    :param shows_keys: the cloud shows the IDs of keys (3.64), except the one that is never deleted.
    """
    if not volume.encrypted or volume.status == 'available':
        return None
    if shows_keys and volume.encryption_key_id == own_key:
        return None
    return _KEY


def find_leftover_objection(volume: Volume, mark: Mark, project: str | None) -> str | None:
    """Return why a scratch volume of an earlier run must not be deleted; None if it may be."""
    objection = find_objection(volume, mark, project)
    if objection:
        return objection
    properties = volume.metadata or {}
    is_restored = properties.get(_SOURCE) == mark.backup_id
    if volume.status == 'available':
        return None if is_restored else 'it was not restored from the backup in its name'
    if volume.encrypted:
        return _KEY
    if is_restored or properties.get(_PROPERTY) == mark.run:
        return None
    return 'it does not have the properties of a scratch volume'
