# SPDX-License-Identifier: Apache-2.0
"""Starts, finds and stops sandboxes.

A sandbox is one folder and one process group. A lock in the folder is held by the supervisor for as
long as it lives: it says that a sandbox runs, where a process ID alone might be someone else's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.sandbox import install, rbd
from tests.sandbox.clock import Clock
from tests.sandbox.errors import SandboxError
from tests.sandbox.faults import Faults
from tests.sandbox.layout import Layout
from tests.sandbox.options import Options

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

    from tests.sandbox.options import Switches

START_TIMEOUT = 90
STOP_TIMEOUT = 10
# Seconds for which a process may hold the lock only to check whether it is held.
LOCK_PATIENCE = 0.3
POLL = 0.02
TAIL = 40
DETACH = b'd'  # defined by the supervisor, which this module does not import


class SandboxRunsError(SandboxError):
    """A sandbox already runs in the folder."""


class Sandbox:
    """A running Keystone and Cinder; a context manager that stops them."""

    def __init__(self, state: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self._layout = Layout(state)
        self._process = process
        facts = _read_facts(self._layout)
        self._pid: int = facts['pid']
        self.auth_url: str = facts['auth_url']
        self.volume_url: str = facts['volume_url']
        self.options = Options(**facts['options'])

    @classmethod
    def start(
        cls,
        state: Path | None = None,
        *,
        attached: bool = True,
        **switches: Unpack[Switches],
    ) -> Sandbox:
        """Start a sandbox and return when it is ready.

        Without a state folder it gets a temporary one. An attached sandbox ends with the process
        that started it, whatever that ends of; a detached one goes on until somebody stops it.
        The switches are the fields of `Options`.
        """
        options = Options(temporary=state is None, **switches)
        python = install.ensure()
        folder = Path(tempfile.mkdtemp(prefix='backupext-sandbox-')) if state is None else state
        layout = Layout(folder.resolve())
        process = _start_supervisor(python, layout, options)
        try:
            _wait_until_ready(layout, process)
            if not attached:
                _detach(process)
            return cls(layout.folder, process)
        except BaseException:
            _kill(process)
            if options.temporary:
                shutil.rmtree(layout.folder, ignore_errors=True)
            raise

    @classmethod
    def attach(cls, state: Path) -> Sandbox:
        """Return the sandbox that runs in a state folder."""
        layout = Layout(state.resolve())
        if not _is_running(layout):
            raise SandboxError(f'No sandbox runs in {state}.')
        if not layout.facts.exists():
            raise SandboxError(f'The sandbox in {state} is not ready yet.')
        return cls(layout.folder)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self._layout.folder

    @property
    def clouds_yaml(self) -> Path:
        """The clouds.yaml for OS_CLIENT_CONFIG_FILE."""
        return self._layout.clouds_yaml

    @property
    def database(self) -> Path:
        """Cinder's SQLite database, for rows that no request creates."""
        return self._layout.cinder_database

    @property
    def log(self) -> Path:
        """The log of all servers."""
        return self._layout.log

    def environment(self, cloud: str = 'alpha') -> dict[str, str]:
        """Return the environment variables of a client of one of the clouds."""
        return {'OS_CLIENT_CONFIG_FILE': str(self.clouds_yaml), 'OS_CLOUD': cloud}

    def volume_file(self, volume_id: str) -> Path:
        """Return the file with a volume's bytes: 8 MiB, whatever the volume's size."""
        return self._layout.volumes / volume_id

    @property
    def store(self) -> Path:
        """The folder with the backups of the POSIX driver."""
        return Path(self.options.store or self._layout.backups)

    @property
    def ceph(self) -> rbd.Cluster:
        """The stand-in for a Ceph cluster, if the sandbox was started with ``ceph``."""
        return rbd.Cluster(self._layout.ceph)

    @property
    def faults(self) -> Faults:
        """Delays and failures of the backup service that a test can ask for."""
        return Faults(self._layout.faults)

    @property
    def clock(self) -> Clock:
        """Cinder's clock, which a test can set."""
        return Clock(self._layout.clock)

    def lose_backup(self, backup_id: str) -> None:
        """Remove a backup's data from the store without Cinder's knowledge.

        On Ceph this removes the image, and with it the data of all backups that share the image.
        """
        if self.options.ceph:
            self._remove_image(backup_id)
            return
        objects = list(self.store.rglob(f'volume_*_backup_{backup_id}*'))
        if not objects:
            raise SandboxError(f'The store has no data of backup {backup_id}.')
        for file in objects:
            file.unlink()

    def _remove_image(self, backup_id: str) -> None:
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database:
            pool, volume_id, record = database.execute(
                'SELECT container, volume_id, service_metadata FROM backups WHERE id = ?',
                [backup_id],
            ).fetchone()
        image = rbd.recorded_image(record) if record else rbd.shared_image(volume_id)
        self.ceph.pool(pool).remove(image)

    def stop(self) -> None:
        """Stop the servers and remove the state folder; a second call does nothing."""
        if self._process is not None:
            # The supervisor no longer waits for the end of its input: end it with a signal.
            _end_process(self._process)
        remove(self.state)

    def __enter__(self) -> Sandbox:  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def remove(state: Path) -> None:
    """Stop the sandbox in a state folder, ready or not, and remove the folder."""
    layout = Layout(state.resolve())
    if not layout.folder.exists():
        return
    if not layout.lock.exists():
        raise SandboxError(f'{state} is not the state folder of a sandbox, so it was kept.')
    if _is_running(layout):
        _end_supervisor(layout)
    lock = _claim(layout)
    try:
        shutil.rmtree(layout.folder)
    finally:
        os.close(lock)


def tail(log: Path) -> str:
    """Return the end of a log, which has the reason of a failure."""
    if not log.exists():
        return ''
    return '\n'.join(log.read_text(errors='replace').splitlines()[-TAIL:])


def _start_supervisor(python: Path, layout: Layout, options: Options) -> subprocess.Popen[bytes]:
    lock = _claim(layout)
    try:
        _empty(layout)
        os.ftruncate(lock, 0)
        with layout.log.open('ab') as log:
            process = subprocess.Popen(
                [
                    *(str(python), '-m', 'tests.sandbox.supervisor'),
                    *(str(layout.folder), options.to_json()),
                ],
                cwd=layout.folder,
                env=install.server_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # The supervisor now holds the lock too, so it is never released in between.
                pass_fds=[lock],
            )
            # For `down` before the sandbox is ready; only valid while the lock is held.
            os.write(lock, str(process.pid).encode())
            return process
    finally:
        os.close(lock)


def _wait_until_ready(layout: Layout, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not layout.facts.exists():
        if process.poll() is not None:
            raise SandboxError(
                f'{tail(layout.log)}\nThe sandbox did not start; above is the end of its log.',
            )
        if time.monotonic() > deadline:
            raise SandboxError(
                f'{tail(layout.log)}\nThe sandbox was not ready in {START_TIMEOUT} seconds.',
            )
        time.sleep(POLL)


def _detach(process: subprocess.Popen[bytes]) -> None:
    """Make the supervisor keep running when its standard input ends."""
    assert process.stdin is not None
    process.stdin.write(DETACH)
    process.stdin.close()


def _end_process(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        _kill(process)
    if process.stdin is not None:
        process.stdin.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the supervisor and its servers, which are one process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _end_supervisor(layout: Layout) -> None:
    """End the supervisor of a sandbox that another process may have started."""
    pid = int(layout.lock.read_text() or 0)
    if not pid:
        raise SandboxRunsError(f'The sandbox in {layout.folder} is starting.')
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while _is_running(layout):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            return
        time.sleep(POLL)


def _is_running(layout: Layout) -> bool:
    """Return whether a process holds the lock."""
    try:
        lock = os.open(layout.lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _claim(layout: Layout) -> int:
    """Lock the folder and return the descriptor of the lock."""
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        lock = _open_lock(layout)
        if lock is None:
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_the_lock(layout, lock):
                return lock
        os.close(lock)
        if time.monotonic() > deadline:
            raise SandboxRunsError(f'A sandbox runs in {layout.folder}.')
        time.sleep(POLL)


def _open_lock(layout: Layout) -> int | None:
    """Open the lock in the folder of a sandbox, or in a new folder."""
    layout.folder.mkdir(parents=True, exist_ok=True)
    if not layout.lock.exists() and any(layout.folder.iterdir()):
        raise SandboxError(
            f'{layout.folder} is not empty, and not the state folder of a sandbox.',
        )
    try:
        return os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:  # the folder was just removed
        return None


def _is_the_lock(layout: Layout, lock: int) -> bool:
    """Return whether the locked file is still the one that other processes would lock."""
    try:
        return os.fstat(lock).st_ino == layout.lock.stat().st_ino
    except FileNotFoundError:
        return False


def _empty(layout: Layout) -> None:
    """Remove the files of an earlier sandbox, but not the lock."""
    for entry in layout.folder.iterdir():
        if entry == layout.lock:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _read_facts(layout: Layout) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(layout.facts.read_text())
    return facts
