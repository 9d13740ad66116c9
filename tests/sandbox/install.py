# SPDX-License-Identifier: Apache-2.0
"""Builds the virtual environment of the sandboxes, and the template that they copy."""

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
# A change in any of these may change the contents of a template.
TEMPLATE_SOURCES = ('identity.py', 'block_storage.py', 'clouds.py', 'config.py', 'layout.py')

STAMP = 'sandbox.stamp'
OLDEST_PYTHON = (3, 11)
INTERPRETERS = ('python3.11', 'python3.12', 'python3.13', 'python3')


def environment_folder() -> Path:
    """Return the folder of the virtual environment, which may not exist yet."""
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
    """Return the variables of a server: those of this process, except misleading ones."""
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
    # The previous holder of the lock may have done everything.
    if not _environment_is_current(folder):
        _build_environment(folder)
    if not _template_is_current(folder):
        _build_template(folder)


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold a lock next to the folder: the folder itself may be replaced."""
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
    _say(f'Installing Keystone and Cinder in {folder} (once, one to three minutes) ...')
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
    """Remove the old environment, but nothing that venv did not create."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / 'pyvenv.cfg').exists():
        raise SandboxError(
            f'{folder} exists, but it is not a virtual environment. Remove it, or choose another '
            'folder with BACKUPEXT_SANDBOX_VENV.'
        )
    shutil.rmtree(folder)


def _build_template(folder: Path) -> None:
    _say('Preparing the databases of the sandbox (once, up to 15 seconds) ...')
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
    """Swap folders by renaming them: a sandbox may be copying from the old one."""
    aside = _empty_folder(old.with_name(f'{old.name}.old'))
    if old.exists():
        old.replace(aside)
    new.replace(old)
    shutil.rmtree(aside, ignore_errors=True)


def _run(command: list[str]) -> None:
    """Run a command and show its output on stderr: stdout belongs to the caller."""
    status = subprocess.run(command, stdout=sys.stderr.fileno(), check=False).returncode
    if status:
        raise SandboxError(
            f'The installation failed with exit status {status}: {" ".join(command)}'
        )


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
    """Return a Python that is new enough for the servers."""
    chosen = os.environ.get('BACKUPEXT_SANDBOX_PYTHON')
    if chosen:
        return chosen
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for name in INTERPRETERS:
        path = shutil.which(name)
        # A command on the PATH may be a shim without an installed Python.
        if path and _is_new_enough(path):
            return path
    oldest = '.'.join(map(str, OLDEST_PYTHON))
    raise SandboxError(
        f'Keystone and Cinder need Python {oldest} or newer, and the PATH has none. '
        'Name one with BACKUPEXT_SANDBOX_PYTHON.',
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
    """Hash everything that the environment is built from, including its version of Python.

    The version that runs this code does not count: tests with several versions share one
    environment.
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
