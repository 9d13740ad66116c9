# SPDX-License-Identifier: Apache-2.0
"""Paths in the state folder of a sandbox, and in the template that it is copied from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = CHECKOUT / '.sandbox'


@dataclass(frozen=True)
class Template:
    """Databases and keys as they are before the first request; copied for every sandbox."""

    folder: Path

    @property
    def keystone_database(self) -> Path:
        return self.folder / 'keystone.sqlite'

    @property
    def cinder_database(self) -> Path:
        return self.folder / 'cinder.sqlite'

    @property
    def keys(self) -> Path:
        return self.folder / 'keys'

    @property
    def keystone_conf(self) -> Path:
        return self.folder / 'keystone.conf'

    @property
    def cinder_conf(self) -> Path:
        return self.folder / 'cinder.conf'


@dataclass(frozen=True)
class Layout(Template):
    """The state folder of a sandbox: the template's files, and those of a running sandbox."""

    @property
    def lock(self) -> Path:
        """Locked while the servers run; its existence marks the folder of a sandbox."""
        return self.folder / 'backupext-sandbox.lock'

    @property
    def facts(self) -> Path:
        """The process, addresses and options, written when the sandbox is ready."""
        return self.folder / 'sandbox.json'

    @property
    def clouds_yaml(self) -> Path:
        return self.folder / 'clouds.yaml'

    @property
    def log(self) -> Path:
        return self.folder / 'sandbox.log'

    @property
    def volumes(self) -> Path:
        return self.folder / 'volumes'

    @property
    def snapshots(self) -> Path:
        return self.folder / 'snapshots'

    @property
    def backups(self) -> Path:
        """The backups of the POSIX driver."""
        return self.folder / 'backups'

    @property
    def ceph(self) -> Path:
        """The pools of the Ceph-like driver."""
        return self.folder / 'ceph'

    @property
    def faults(self) -> Path:
        """The delays and failures that tests ask for."""
        return self.folder / 'faults'

    @property
    def clock(self) -> Path:
        """The difference between Cinder's time and the real one, if a test has set it."""
        return self.folder / 'clock'
