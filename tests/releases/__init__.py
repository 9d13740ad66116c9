# SPDX-License-Identifier: Apache-2.0
"""The releases of OSC that the plugin is tested with.

A release line of OSC is a file beside this one: what is installed for it, after a comment that
says who has it. ``tox -e osc60`` tests with ``osc60.txt``. Tables of the documentation are made
from here.
"""

import re
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent

#: What distinguishes one release line from another, the one that it is named after first.
PACKAGES = ('python-openstackclient', 'openstacksdk', 'osc-lib', 'cliff', 'keystoneauth1')


class Line(NamedTuple):
    """A release line of OSC with the libraries of its time."""

    name: str
    title: str
    versions: dict[str, str]


def installed() -> str:
    """Say which OSC is installed."""
    return metadata.version(PACKAGES[0])


def is_newest() -> bool:
    """Tell whether the newest release line is installed, which ours are compared with."""
    return installed() == lines()[-1].versions[PACKAGES[0]]


def lines() -> list[Line]:
    """Read the release lines, the oldest first."""
    found = [_read(path) for path in _FOLDER.glob('osc*.txt')]
    return sorted(found, key=lambda line: _numbers(line.versions[PACKAGES[0]], length=3))


def bounds() -> dict[str, str]:
    """Read the lower bounds that the plugin declares."""
    text = (_FOLDER.parents[1] / 'requirements.txt').read_text('utf-8')
    return dict(re.findall(r'^([\w-]+)>=(\S+)', text, re.MULTILINE))


def pins(name: str) -> dict[str, str]:
    """Read which version of each package is installed for a release line, or for ``lower``."""
    text = (_FOLDER / f'{name}.txt').read_text('utf-8')
    return dict(re.findall(r'^([^\s#=]+)==(\S+)', text, re.MULTILINE))


def _read(path: Path) -> Line:
    title = path.read_text('utf-8').partition('\n')[0].removeprefix('# ')
    pinned = pins(path.stem)
    return Line(path.stem, title, {name: pinned[name] for name in PACKAGES})


def _numbers(version: str, length: int = 2) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split('.')[:length])
