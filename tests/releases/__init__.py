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

#: The packages that distinguish release lines; a line is named after the first.
PACKAGES = ('python-openstackclient', 'openstacksdk', 'osc-lib', 'cliff', 'keystoneauth1')


class Line(NamedTuple):
    """A release line of OSC with the libraries of its time."""

    name: str
    title: str
    versions: dict[str, str]


def installed() -> str:
    """Return the installed version of OSC."""
    return metadata.version(PACKAGES[0])


def is_newest() -> bool:
    """Return whether the newest release line is installed, the one for comparisons."""
    return installed() == lines()[-1].versions[PACKAGES[0]]


def lines() -> list[Line]:
    """Return the release lines, oldest first."""
    found = [_read(path) for path in _FOLDER.glob('osc*.txt')]
    return sorted(found, key=lambda line: _numbers(line.versions[PACKAGES[0]], length=3))


def bounds() -> dict[str, str]:
    """Return the lower bounds in the requirements of the plugin."""
    text = (_FOLDER.parents[1] / 'requirements.txt').read_text('utf-8')
    return dict(re.findall(r'^([\w-]+)>=(\S+)', text, re.MULTILINE))


def pins(name: str) -> dict[str, str]:
    """Return the version of each package of a release line, or of ``lower``."""
    text = (_FOLDER / f'{name}.txt').read_text('utf-8')
    return dict(re.findall(r'^([^\s#=]+)==(\S+)', text, re.MULTILINE))


def _read(path: Path) -> Line:
    title = path.read_text('utf-8').partition('\n')[0].removeprefix('# ')
    pinned = pins(path.stem)
    return Line(path.stem, title, {name: pinned[name] for name in PACKAGES})


def _numbers(version: str, length: int = 2) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split('.')[:length])
