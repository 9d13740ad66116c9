# SPDX-License-Identifier: Apache-2.0
"""A backup driver that does to a stand-in for a cluster what Cinder's driver does to Ceph.

It takes the same steps in the same order, the harmful ones included. Which image a step finds or
removes decides what happens to the other backups in it.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

from cinder import exception, interface
from cinder.backup import driver
from cinder.backup.drivers import ceph
from cinder.message import api as message_api
from cinder.message import message_field
from oslo_config import cfg

from tests.sandbox import rbd
from tests.sandbox.layout import Layout

_LOG = logging.getLogger(__name__)


def replace_the_real_driver() -> None:
    """Make Cinder load this driver under the name of its own, which exported records show."""
    ceph.CephBackupDriver = CephDriver


@interface.backupdriver
class CephDriver(driver.BackupDriver):  # type: ignore[misc]  # Cinder comes without types
    """Backups in images; the base class refuses force delete, and imports without a check."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._cluster = rbd.Cluster(Layout(Path(cfg.CONF.state_path)).ceph)
        self._messages = message_api.API()

    def check_for_setup_error(self) -> None:
        self._cluster.create_pools()

    def backup(self, backup: Any, volume_file: Any, backup_metadata: bool = True) -> dict[str, str]:  # noqa: FBT001, FBT002  # as the manager calls it
        if not backup.container:
            backup.container = rbd.POOL
            backup.save()
        data = volume_file.read()
        updates: dict[str, str] = {}
        if backup.snapshot_id:
            # Full or incremental; and the record does not say in which image it is.
            image = rbd.shared_image(backup.volume_id)
            self._cluster.pool(backup.container).create(image).write(data)
        else:
            updates = self._back_up_volume_or_clean_up(backup, data)
        if backup_metadata:
            self._save_metadata(backup)
        return updates

    def _back_up_volume_or_clean_up(self, backup: Any, data: bytes) -> dict[str, str]:
        try:
            return self._back_up_volume(backup, data)
        except exception.BackupRBDOperationFailed:
            # Removes the parent's image too, if the parent is a backup of a snapshot.
            self._remove(backup)
            raise

    def _back_up_volume(self, backup: Any, data: bytes) -> dict[str, str]:
        """Write a full or an incremental backup: a snapshot in the image of its chain."""
        source = self._cluster.source_snapshots(backup.volume_id)
        keep = self._cluster.max_snapshots
        if backup.parent_id and keep and source.of(backup.parent_id) is None:
            self._turn_into_full(backup)
        name = _image_name(backup)
        since = self._find_parent(backup, name) if backup.parent_id else None
        image = self._open_or_create(backup, name)
        snapshot = f'backup.{backup.id}.snap.{time.time()}'
        if since is not None and since not in source.names:
            raise exception.BackupRBDOperationFailed(
                'RBD diff op failed - (ret=2 stderr='
                "b'rbd: export-diff error: (2) No such file or directory\\n')"
            )
        source.create(snapshot)
        image.write_snapshot(snapshot, data)
        if keep:
            source.keep_newest(keep)
        return {'service_metadata': json.dumps({'base': name})}

    def _turn_into_full(self, backup: Any) -> None:
        """Make a full backup instead: the volume has no snapshot of the parent any more."""
        backup.parent = None
        backup.parent_id = None
        backup.save()
        self._messages.create(
            context=self.context,
            action=message_field.Action.BACKUP_CREATE,
            resource_uuid=backup.volume_id,
            detail=message_field.Detail.INCREMENTAL_BACKUP_FORCES_FULL_BACKUP,
            level='WARNING',
        )

    def _find_parent(self, backup: Any, name: str) -> str:
        """Return the name of the parent's snapshot, which must be in the image."""
        try:
            image = self._cluster.pool(backup.container).open(name)
        except rbd.ImageNotFoundError:
            message = f"Can't find base name image {name}."
            raise exception.BackupRBDOperationFailed(message) from None
        snapshot = image.snapshots.of(backup.parent_id)
        if snapshot is None:
            raise exception.BackupRBDOperationFailed(
                f"Can't find snapshot from parent {backup.parent_id} and base name image {name}."
            )
        return snapshot

    def _open_or_create(self, backup: Any, name: str) -> rbd.Image:
        pool = self._cluster.pool(backup.container)
        return pool.open(name) if backup.parent_id else pool.create(name)

    def _save_metadata(self, backup: Any) -> None:
        """Write the volume's properties to the pool."""
        text = self.get_metadata(backup.volume_id)
        self._cluster.pool(backup.container).write_object(_metadata_name(backup), text)

    def restore(self, backup: Any, volume_id: str, volume_file: Any, volume_is_new: bool) -> None:  # noqa: ARG002, FBT001  # as the manager calls it
        volume_file.write(self._read(backup))
        text = self._cluster.pool().read_object(_metadata_name(backup))
        if text is not None:
            self.put_metadata(volume_id, text)

    def _read(self, backup: Any) -> bytes:
        """Return the data of the backup's snapshot, or without one, what the image has now."""
        shared = rbd.shared_image(backup.volume_id)
        pool = self._cluster.pool(backup.container)
        chain = _image_name(backup) if backup.service_metadata else shared
        snapshot = None
        if chain in pool.images:
            # Whichever pool has the backup, only the default pool is searched for the snapshot.
            snapshot = self._cluster.pool().open(chain).snapshots.of(backup.id)
        names = [_image_name(backup), shared]
        if backup.snapshot_id:
            names.reverse()
        name = names[0] if names[0] in pool.images else names[1]
        return pool.open(name).read(snapshot)

    def delete_backup(self, backup: Any) -> None:
        self._remove(backup)

    def _remove(self, backup: Any) -> None:
        """Remove the backup from what seems to be its image; a missing one is not an error."""
        name = _image_name(backup)
        try:
            pool = self._cluster.pool(backup.container)
            _remove_from_image(pool, name, backup)
        except rbd.PoolNotFoundError as error:
            _LOG.warning('Nothing to remove for backup %s: %s', backup.id, error)
            return
        except rbd.ImageNotFoundError as error:
            _LOG.warning('Nothing to remove for backup %s: %s', backup.id, error)
        pool.remove_object(_metadata_name(backup))


def _image_name(backup: Any) -> str:
    """Return the name of the image that a backup of a volume is in: its own, or its parent's."""
    if backup.service_metadata:
        return rbd.recorded_image(backup.service_metadata)
    if not backup.parent:
        return rbd.own_image(backup.volume_id, backup.id)
    if backup.parent.service_metadata:
        return rbd.recorded_image(backup.parent.service_metadata)
    return rbd.shared_image(backup.volume_id)


def _metadata_name(backup: Any) -> str:
    return f'backup.{backup.id}.meta'


def _remove_from_image(pool: rbd.Pool, name: str, backup: Any) -> None:
    """Remove the backup's snapshot, and the image if it has no other snapshot.

    If no image has the name, the shared image of the volume's snapshots is taken.
    """
    if name not in pool.images:
        name = rbd.shared_image(backup.volume_id)
    snapshots = pool.open(name).snapshots
    snapshot = snapshots.of(backup.id)
    if snapshot is not None:
        snapshots.remove(snapshot)
    if not snapshots.names:
        pool.remove(name)
