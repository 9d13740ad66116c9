# SPDX-License-Identifier: Apache-2.0
"""A Cinder volume driver that keeps every volume and every snapshot in a file of its own.

None of Cinder's own works without root, mounts or a kernel module. A volume of any size is a file
of 8 MiB: the backup drivers read a volume to its end, so a backup of 1 GiB takes milliseconds.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from cinder import interface, objects
from cinder.volume import driver
from oslo_config import cfg

from tests.sandbox.layout import Layout

FILE_SIZE = 8 * 2**20


@interface.volumedriver
class FileDriver(driver.VolumeDriver):  # type: ignore[misc]  # Cinder comes without types
    """Volumes as files; a path is all that a connection needs."""

    VERSION = '1.0'

    def do_setup(self, context: Any) -> None:  # noqa: ARG002
        layout = Layout(Path(cfg.CONF.state_path))
        self._volumes, self._snapshots = layout.volumes, layout.snapshots

    def check_for_setup_error(self) -> None:
        self._volumes.mkdir(exist_ok=True)
        self._snapshots.mkdir(exist_ok=True)

    def _update_volume_stats(self) -> None:
        self._stats = {
            'volume_backend_name': self.configuration.volume_backend_name,
            'vendor_name': 'backupext',
            'driver_version': self.VERSION,
            'storage_protocol': 'file',
            'total_capacity_gb': 'infinite',
            'free_capacity_gb': 'infinite',
            'reserved_percentage': 0,
            'multiattach': True,
        }

    def _volume_file(self, volume: Any) -> Path:
        return self._volumes / str(volume.id)

    def _snapshot_file(self, snapshot: Any) -> Path:
        return self._snapshots / str(snapshot.id)

    def create_volume(self, volume: Any) -> None:
        with self._volume_file(volume).open('wb') as file:
            file.truncate(FILE_SIZE)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        shutil.copyfile(self._snapshot_file(snapshot), self._volume_file(volume))

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        shutil.copyfile(self._volume_file(src_vref), self._volume_file(volume))

    def delete_volume(self, volume: Any) -> None:
        self._volume_file(volume).unlink(missing_ok=True)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Keep the file: its size is independent of the volume's size."""

    def create_snapshot(self, snapshot: Any) -> None:
        shutil.copyfile(self._volume_file(snapshot.volume), self._snapshot_file(snapshot))

    def delete_snapshot(self, snapshot: Any) -> None:
        self._snapshot_file(snapshot).unlink(missing_ok=True)

    def get_backup_device(self, context: Any, backup: Any) -> tuple[Any, bool]:
        """Return the volume itself for a backup to Ceph, in use or not, as the RBD driver does."""
        if 'ceph' in backup.service and not backup.snapshot_id:
            return objects.Volume.get_by_id(context, backup.volume_id), False
        device: tuple[Any, bool] = super().get_backup_device(context, backup)
        return device

    def initialize_connection(
        self,
        volume: Any,
        connector: Any,  # noqa: ARG002
        **_kwargs: Any,
    ) -> dict[str, Any]:
        return _local(self._volume_file(volume))

    def initialize_connection_snapshot(
        self,
        snapshot: Any,
        connector: Any,  # noqa: ARG002
        **_kwargs: Any,
    ) -> dict[str, Any]:
        return _local(self._snapshot_file(snapshot))

    def terminate_connection(
        self,
        volume: Any,
        connector: Any,  # noqa: ARG002
        **_kwargs: Any,
    ) -> None:
        """Restore the size of the file after a restore.

        A restore opens what it takes for a device in a way that empties a file, and does not write
        the zeros at its end.
        """
        file = self._volume_file(volume)
        if file.exists() and file.stat().st_size < FILE_SIZE:
            os.truncate(file, FILE_SIZE)

    def terminate_connection_snapshot(self, snapshot: Any, connector: Any, **_kwargs: Any) -> None:
        """Do nothing: nothing was connected."""

    def ensure_export(self, context: Any, volume: Any) -> None:
        """Do nothing: a file needs no export."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """Do nothing: a file needs no export."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """Do nothing: a file needs no export."""

    def create_export_snapshot(self, context: Any, snapshot: Any, connector: Any) -> None:
        """Do nothing: a file needs no export."""

    def remove_export_snapshot(self, context: Any, snapshot: Any) -> None:
        """Do nothing: a file needs no export."""


def _local(path: Path) -> dict[str, Any]:
    """Return what os-brick's local connector needs: only the path."""
    return {'driver_volume_type': 'local', 'data': {'device_path': str(path)}}
