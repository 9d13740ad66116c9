# SPDX-License-Identifier: Apache-2.0
"""What the host needs, and where its packages come from."""

import os
import shutil
import subprocess

TOOL = 'mmdebstrap'


def obstacle() -> str | None:
    """Return a sentence that says why chroots cannot be created here; None if they can."""
    if os.geteuid() == 0 and shutil.which('apt-get'):
        return None
    return 'The tests of the packages need root and apt: they make chroots of Debian.'


def install_tool() -> None:
    """Install the program that creates chroots, if it is missing."""
    if shutil.which(TOOL):
        return
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    packages = [TOOL, 'debian-archive-keyring']
    for command in (['update'], ['install', '-y', '--no-install-recommends', *packages]):
        subprocess.run(['apt-get', '-qq', *command], check=True, env=environment)


def mirror() -> str | None:
    """Return the Debian mirror of the host; None if the host is not Debian."""
    listed = _output('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Label: Debian')
    return next(iter(listed.split()), None)


def proxies() -> str:
    """Return the host's proxies as lines of an apt.conf."""
    lines = _output('apt-config', 'dump', '--format', '%F "%v";%n').splitlines(keepends=True)
    return ''.join(line for line in lines if 'proxy' in line.partition(' ')[0].lower())


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
