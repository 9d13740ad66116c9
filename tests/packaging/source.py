# SPDX-License-Identifier: Apache-2.0
"""The archive that packages are built from, as `git archive` creates it for a tag."""

import os
import subprocess
import tempfile
from pathlib import Path

from tests.sandbox.layout import CHECKOUT


def write_archive(target: Path, prefix: str) -> None:
    """Write the checkout as it is, with uncommitted changes and without .git."""
    with tempfile.TemporaryDirectory() as folder:
        environment = _apart(Path(folder))
        _git(environment, 'read-tree', 'HEAD')
        _git(environment, 'add', '--all')
        tree = _git(environment, 'write-tree').strip()
        _git(environment, 'archive', f'--prefix={prefix}/', f'--output={target}', tree)


def _apart(folder: Path) -> dict[str, str]:
    """Keep index and objects separate, so that the checkout does not change."""
    objects = folder / 'objects'
    objects.mkdir()
    here = (CHECKOUT / _git({}, 'rev-parse', '--git-path', 'objects').strip()).resolve()
    return {
        'GIT_INDEX_FILE': str(folder / 'index'),
        'GIT_OBJECT_DIRECTORY': str(objects),
        'GIT_ALTERNATE_OBJECT_DIRECTORIES': str(here),
    }


def _git(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        ['git', *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
