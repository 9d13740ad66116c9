# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a Ceph cluster: pools and images are folders, snapshots and objects are files.

Errors have the words of librados and librbd, because users see them as a backup's fail_reason.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

#: The default pool of Cinder's Ceph driver, and a second pool.
POOL, SECOND_POOL = 'backups', 'archive'


class RBDError(Exception):
    """An error of the cluster."""


class PoolNotFoundError(RBDError):
    def __init__(self, pool: str) -> None:
        super().__init__(f"[errno 2] RADOS object not found (error opening pool '{pool}')")


class ImageNotFoundError(RBDError):
    def __init__(self, image: str, snapshot: str | None = None) -> None:
        super().__init__(
            f'[errno 2] RBD image not found (error opening image {image} at snapshot {snapshot})'
        )


class ImageExistsError(RBDError):
    def __init__(self) -> None:
        super().__init__('[errno 17] RBD image already exists (error creating image)')


class ImageBusyError(RBDError):
    def __init__(self) -> None:
        super().__init__('[errno 16] RBD image is busy (error removing image)')


def shared_image(volume_id: str) -> str:
    """Return the name of the image that all backups of a volume's snapshots share."""
    return f'volume-{volume_id}.backup.base'


def own_image(volume_id: str, backup_id: str) -> str:
    """Return the name of the image of a full backup and its incrementals."""
    return f'volume-{volume_id}.backup.{backup_id}'


def recorded_image(service_metadata: str) -> str:
    """Return the name of the image that is recorded with a backup of a volume."""
    return str(json.loads(service_metadata)['base'])


class Snapshots:
    """The snapshots of one image, each with the ID of a backup and a time in its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def names(self) -> list[str]:
        """The names of the snapshots, oldest first."""
        found = [file.name for file in self._folder.glob('backup.*.snap.*')]
        return sorted(found, key=lambda name: float(name.rpartition('.snap.')[2]))

    def of(self, backup_id: str) -> str | None:
        """Return the name of a backup's snapshot, if it has one."""
        prefix = f'backup.{backup_id}.snap.'
        return next((name for name in self.names if name.startswith(prefix)), None)

    def create(self, name: str, data: bytes = b'') -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(data)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def keep_newest(self, number: int) -> None:
        for name in self.names[:-number]:
            self.remove(name)


class Image:
    """An image with backups in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._head = folder / 'head'
        self.snapshots = Snapshots(folder)

    @property
    def watcher(self) -> Path:
        """A file that exists while a client has the image open, so that it cannot be removed."""
        return self._folder / 'watcher'

    def write(self, data: bytes) -> None:
        """Replace the contents."""
        self._head.write_bytes(data)

    def write_snapshot(self, name: str, data: bytes) -> None:
        """Replace the contents, and make a snapshot of them."""
        self.snapshots.create(name, data)
        self._head.unlink(missing_ok=True)
        os.link(self._folder / name, self._head)

    def read(self, snapshot: str | None = None) -> bytes:
        """Return the contents as they are, or as they are in a snapshot."""
        file = self._folder / snapshot if snapshot else self._head
        if not file.exists():
            raise ImageNotFoundError(self._folder.name, snapshot)
        return file.read_bytes()


class Pool:
    """A pool with the images of backups, and an object with metadata for each backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def images(self) -> list[str]:
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_dir())

    def create(self, name: str) -> Image:
        try:
            (self._folder / name).mkdir()
        except FileExistsError:
            raise ImageExistsError from None
        return Image(self._folder / name)

    def open(self, name: str) -> Image:
        if name not in self.images:
            raise ImageNotFoundError(name)
        return Image(self._folder / name)

    def remove(self, name: str) -> None:
        if self.open(name).watcher.exists():
            raise ImageBusyError
        try:
            shutil.rmtree(self._folder / name)
        except FileNotFoundError:  # another deletion was faster
            raise ImageNotFoundError(name) from None

    def write_object(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def read_object(self, name: str) -> str | None:
        file = self._folder / name
        return file.read_text() if file.exists() else None

    def remove_object(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class Cluster:
    """The pools with backups, and the snapshots that backups leave on their source volumes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create_pools(self) -> None:
        for name in (POOL, SECOND_POOL):
            (self._folder / 'pools' / name).mkdir(parents=True, exist_ok=True)

    def pool(self, name: str | None = None) -> Pool:
        folder = self._folder / 'pools' / (name or POOL)
        if not folder.is_dir():
            raise PoolNotFoundError(folder.name)
        return Pool(folder)

    def source_snapshots(self, volume_id: str) -> Snapshots:
        """Return the snapshots that backups have left on their source volume."""
        return Snapshots(self._folder / 'volumes' / volume_id)

    @property
    def max_snapshots(self) -> int:
        """Number of snapshots to keep on each source volume; 0 keeps all.

        It is Cinder's ``backup_ceph_max_snapshots``, but can be changed while the cloud runs.
        """
        file = self._folder / 'max_snapshots'
        return int(file.read_text()) if file.exists() else 0

    @max_snapshots.setter
    def max_snapshots(self, number: int) -> None:
        (self._folder / 'max_snapshots').write_text(f'{number}\n')
