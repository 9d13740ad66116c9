# SPDX-License-Identifier: Apache-2.0
"""The clients: OSC with and without the plugin, and cinderclient; where each is installed."""

import configparser
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import filelock

from tests.functional.client import ROOT, osc_python

HERE = Path(__file__).parent
CONSTRAINTS = ROOT / 'tests' / 'releases' / 'osc105.txt'
PACKAGES = (
    *('python-openstackclient', 'openstacksdk', 'osc-lib', 'cliff', 'keystoneauth1'),
    'python-cinderclient',
)
_VERSIONS = """
import importlib.metadata, json, platform, sys
found = {'Python': platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class Paths(NamedTuple):
    """A folder with the plugin for the path of Python, and an empty one.

    The plugin and the built-in commands run in one environment, so that nothing else
    differs. The empty folder costs as much to search as the folder with the plugin.
    """

    with_plugin: Path
    without: Path


def place_plugin(checkout: Path, folder: Path) -> Paths:
    """Copy the plugin and write its entry points as an installation would.

    A copy, since a checkout may change while it is measured.
    """
    paths = Paths(folder / 'with', folder / 'without')
    paths.without.mkdir()
    ignored = shutil.ignore_patterns('__pycache__')
    shutil.copytree(checkout / 'backupext', paths.with_plugin / 'backupext', ignore=ignored)
    # What OSC does not install by itself.
    lock = Path(filelock.__file__).parent
    shutil.copytree(lock, paths.with_plugin / 'filelock', ignore=ignored)
    configuration = configparser.ConfigParser(interpolation=None)
    configuration.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case
    configuration.read(checkout / 'setup.cfg')
    metadata = paths.with_plugin / 'backupext-0.dist-info'
    metadata.mkdir()
    metadata.joinpath('METADATA').write_text('Metadata-Version: 2.1\nName: backupext\nVersion: 0\n')
    groups = configuration['entry_points'].items()
    text = '\n'.join(f'[{group}]{lines}\n' for group, lines in groups)
    metadata.joinpath('entry_points.txt').write_text(text)
    return paths


def osc() -> Path:
    """Return the Python of the environment with OSC alone."""
    python = osc_python()
    if not python.exists():
        raise SystemExit(f'There is no OSC in {python.parent.parent}; `make benchmark` makes one.')
    return python


def cinderclient() -> Path | None:
    """Install cinderclient if it is missing; if that fails, the benchmark leaves it out."""
    return _ensure('cinderclient', HERE / 'cinderclient.txt', '-c', str(CONSTRAINTS))


def matplotlib() -> Path | None:
    """Install matplotlib for the plot if it is missing."""
    return _ensure('benchmark', HERE / 'requirements.txt')


def versions(python: Path) -> dict[str, str]:
    """Return the releases that are installed in an environment."""
    answer = subprocess.run(
        [python, '-I', '-c', _VERSIONS, *PACKAGES], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def machine() -> dict[str, str]:
    """Describe the machine that the figures depend on, without naming it."""
    return {
        'system': f'{platform.system()} {platform.machine()}',
        'processor': _processor(),
        'cores': str(len(os.sched_getaffinity(0))),
        'load before': f'{os.getloadavg()[0]:.2f}',
    }


def _processor() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return 'unknown'


def _ensure(name: str, requirements: Path, *options: str) -> Path | None:
    folder = ROOT / '.venvs' / name
    python, stamp = folder / 'bin' / 'python', folder / 'benchmark.stamp'
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    sys.stderr.write(f'Installing {requirements.name} into {folder} ...\n')
    shutil.rmtree(folder, ignore_errors=True)
    pip = (str(python), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check')
    try:
        subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
        subprocess.run([*pip, '-r', str(requirements), *options], check=True)
    except subprocess.CalledProcessError:
        sys.stderr.write(f'{requirements.name} cannot be installed: going on without.\n')
        return None
    stamp.write_text(wanted)
    return python
