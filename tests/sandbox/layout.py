# SPDX-License-Identifier: Apache-2.0
"""Where things are: in the state folder of a sandbox, and in the template it is copied from."""

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
    """The state folder of one sandbox: the template's files, and what a running one adds."""

    @property
    def lock(self) -> Path:
        """Held for as long as the servers live; its presence marks a folder as a sandbox's."""
        return self.folder / 'backupext-sandbox.lock'

    @property
    def facts(self) -> Path:
        """Written when the sandbox is ready: the process, the addresses, the options."""
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
        """What the POSIX driver stores."""
        return self.folder / 'backups'

    @property
    def ceph(self) -> Path:
        """What the Ceph-like driver stores."""
        return self.folder / 'ceph'

    @property
    def faults(self) -> Path:
        """The delays and failures that tests ask for."""
        return self.folder / 'faults'
