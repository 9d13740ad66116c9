# SPDX-License-Identifier: Apache-2.0
"""A chroot of Debian, created once and reused."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.packaging import host
from tests.packaging.errors import PackagingError
from tests.sandbox.layout import CHECKOUT

BUILDER = 'builder'
HOME = '/build'
# The mounts always end with the namespace: a command that removes the folder of a chroot
# can never reach the host's /dev.
_ENTER = """
root=$1 user=$2; shift 2
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot --userspec="$user" "$root" "$@"
"""


class Chroot:
    """One release of Debian."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.folder = CHECKOUT / '.venvs' / 'debian' / suite
        self._made = self.folder / 'etc' / 'made-by-backupext'

    @property
    def home(self) -> Path:
        """The home of the building user, as a path on the host."""
        return self.folder / HOME.lstrip('/')

    def make(self) -> None:
        """Create the chroot if it does not exist, and update the package lists."""
        if not self._made.exists():
            self._bootstrap()
        for name in ('resolv.conf', 'hosts'):
            shutil.copy(Path('/etc', name), self.folder / 'etc' / name)
        (self.folder / 'etc/apt/apt.conf.d/00host').write_text(host.proxies())
        self.run('apt-get -q update')

    def _bootstrap(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        mirror = host.mirror()
        subprocess.run(
            [
                *(host.TOOL, '--quiet', '--mode=root', '--format=directory', '--variant=apt'),
                # After a crash the chroot is created again, so writes need no fsync.
                *('--dpkgopt=force-unsafe-io', '--include=ca-certificates,passwd'),
                *(self.suite, str(self.folder)),
                *([mirror] if mirror else []),
            ],
            check=True,
        )
        self.run(f'useradd --create-home --home-dir {HOME} {BUILDER}')
        self._made.touch()

    def install(self, *packages: str) -> None:
        """Install packages from Debian, or files given by path."""
        self.run(f'apt-get install -y -q --no-install-recommends {shlex.join(packages)}')

    def run(self, command: str, **how: Any) -> str:
        """Run a shell line that must succeed, as :meth:`try_` does, and return its output."""
        result = self.try_(command, **how)
        if result.returncode:
            raise PackagingError(
                f'{result.stdout}{result.stderr}\n{self.suite}: this failed with status '
                f'{result.returncode}, and said what is above: {command}'
            )
        return result.stdout

    def try_(
        self,
        command: str,
        *,
        network: bool = True,
        user: str = 'root',
        folder: str = '/',
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell line that may fail; without network it has no loopback interface."""
        return subprocess.run(
            [
                *('unshare', '--mount', *([] if network else ['--net']), '--'),
                *('sh', '-ec', _ENTER, 'sh', str(self.folder), user),
                *('sh', '-ec', f'cd {shlex.quote(folder)}; {command}'),
            ],
            env={**_environment(user), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _environment(user: str) -> dict[str, str]:
    """Return the variables of a command; from the host only those about proxies."""
    return {
        'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'HOME': HOME if user == BUILDER else '/root',
        'LANG': 'C.UTF-8',
        'DEBIAN_FRONTEND': 'noninteractive',
        **{name: value for name, value in os.environ.items() if name.lower().endswith('_proxy')},
    }
