# SPDX-License-Identifier: Apache-2.0
"""Builds what every sandbox is made from: the virtual environment, and the template in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox.errors import SandboxError
from tests.sandbox.layout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / 'requirements.txt'
CONSTRAINTS = HERE / 'constraints.txt'
# A change in any of these may change what a template contains.
TEMPLATE_SOURCES = ('identity.py', 'block_storage.py', 'clouds.py', 'config.py', 'layout.py')

STAMP = 'sandbox.stamp'
OLDEST_PYTHON = (3, 11)
INTERPRETERS = ('python3.11', 'python3.12', 'python3.13', 'python3')


def environment_folder() -> Path:
    """Return where the virtual environment is, or is going to be."""
    chosen = os.environ.get('BACKUPEXT_SANDBOX_VENV')
    return Path(chosen).absolute() if chosen else CHECKOUT / '.venvs' / 'sandbox'


def ensure() -> Path:
    """Install what is missing or out of date; return the interpreter that runs the servers."""
    folder = environment_folder()
    if not _is_current(folder):
        with _exclusive(folder):
            _install(folder)
    return _python(folder)


def server_environment() -> dict[str, str]:
    """Return the environment of a server: ours, without what would lead it astray."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('OS_', 'PYTHON')) and not name.lower().endswith('_proxy')
    }
    return environment | {'PYTHONPATH': str(CHECKOUT), 'PYTHONUNBUFFERED': '1'}


def _python(folder: Path) -> Path:
    return folder / 'bin' / 'python'


def _is_current(folder: Path) -> bool:
    return _environment_is_current(folder) and _template_is_current(folder)


def _install(folder: Path) -> None:
    # Whoever held the lock before may have done it all.
    if not _environment_is_current(folder):
        _build_environment(folder)
    if not _template_is_current(folder):
        _build_template(folder)


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a lock beside the folder, which itself may be removed and built again."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + '.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say('Another process is installing the sandbox; waiting for it ...')
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_environment(folder: Path) -> None:
    _remove_environment(folder)
    interpreter = _find_interpreter()
    _say(f'Installing Keystone and Cinder in {folder}: one to three minutes, once ...')
    _run([interpreter, '-m', 'venv', str(folder)])
    _run(
        [
            *(str(_python(folder)), '-m', 'pip', 'install', '--quiet', '--progress-bar', 'off'),
            *('--disable-pip-version-check', '--no-input'),
            *('-r', str(REQUIREMENTS), '-c', str(CONSTRAINTS)),
        ],
    )
    _environment_stamp(folder).write_text(_environment_hash(folder))


def _remove_environment(folder: Path) -> None:
    """Make room; but what was not made here, or by hand with venv, is not ours to remove."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / 'pyvenv.cfg').exists():
        raise SandboxError(f'{folder} is in the way: it is not a virtual environment.')
    shutil.rmtree(folder)


def _build_template(folder: Path) -> None:
    _say('Preparing the databases of the sandbox: up to 15 seconds, once ...')
    unfinished = _empty_folder(folder / 'template.new')
    for module in ('identity', 'block_storage'):
        _run_quietly(
            [str(_python(folder)), '-m', f'tests.sandbox.{module}', 'prepare', str(unfinished)],
            unfinished,
        )
    (unfinished / STAMP).write_text(_template_hash(folder))
    _replace(folder / 'template', unfinished)


def _empty_folder(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    return folder


def _replace(old: Path, new: Path) -> None:
    """Swap folders by name: a sandbox may be copying from the old one at this moment."""
    aside = _empty_folder(old.with_name(f'{old.name}.old'))
    if old.exists():
        old.replace(aside)
    new.replace(old)
    shutil.rmtree(aside, ignore_errors=True)


def _run(command: list[str]) -> None:
    """Run a command whose output is of interest, on stderr: stdout belongs to the caller."""
    status = subprocess.run(command, stdout=sys.stderr.fileno(), check=False).returncode
    if status:
        raise SandboxError(f'The installation failed with status {status}: {" ".join(command)}')


def _run_quietly(command: list[str], folder: Path) -> None:
    result = subprocess.run(
        command,
        cwd=folder,
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SandboxError(f'{result.stdout}\nThe preparation failed: {" ".join(command)}')


def _find_interpreter() -> str:
    """Return a Python that is new enough for the servers: this one, or one on the PATH."""
    chosen = os.environ.get('BACKUPEXT_SANDBOX_PYTHON')
    if chosen:
        return chosen
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for name in INTERPRETERS:
        path = shutil.which(name)
        # A name on the PATH may be a shim that only knows how to say that there is none.
        if path and _is_new_enough(path):
            return path
    oldest = '.'.join(map(str, OLDEST_PYTHON))
    raise SandboxError(
        f'Keystone and Cinder want Python {oldest} or newer, and there is none on the PATH; '
        'BACKUPEXT_SANDBOX_PYTHON may name one.',
    )


def _is_new_enough(python: str) -> bool:
    test = f'import sys; sys.exit(sys.version_info < {OLDEST_PYTHON!r})'
    return subprocess.run([python, '-c', test], capture_output=True, check=False).returncode == 0


def _environment_stamp(folder: Path) -> Path:
    return folder / STAMP


def _template_stamp(folder: Path) -> Path:
    return folder / 'template' / STAMP


def _environment_is_current(folder: Path) -> bool:
    if not _python(folder).exists():
        return False
    return _read(_environment_stamp(folder)) == _environment_hash(folder)


def _template_is_current(folder: Path) -> bool:
    return _read(_template_stamp(folder)) == _template_hash(folder)


def _environment_hash(folder: Path) -> str:
    """Hash what the environment is made from, its Python's version included.

    Not the version that runs this: tests under several versions share one environment.
    """
    return _hash(REQUIREMENTS, CONSTRAINTS, folder / 'pyvenv.cfg')


def _template_hash(folder: Path) -> str:
    return _hash(_environment_stamp(folder), *(HERE / name for name in TEMPLATE_SOURCES))


def _hash(*files: Path) -> str:
    contents = [_read(file) for file in files]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def _say(sentence: str) -> None:
    sys.stderr.write(f'{sentence}\n')
    sys.stderr.flush()
