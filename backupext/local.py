# SPDX-License-Identifier: Apache-2.0
"""This machine's files: written whole or not at all, and locks that end with their process."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backupext import errors
from backupext.core.text import visible


class BusyError(errors.BackupError):
    """Another process on this machine holds the lock."""

    exit_status = 5


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file whole: a reader sees the old content or the new, and never a part.

    The old file stays as it is if the new one cannot be written.

    :param mode: the permissions of the file.
    :raises RefusedError: the file cannot be written.
    """
    try:
        _replace(path, text, mode)
    except OSError as error:
        raise errors.RefusedError(
            f"Cannot write '{visible(str(path))}': {error.strerror or error}."
        ) from error


def read(path: Path) -> str | None:
    """Return the text of a file; None if there is no file. Bytes that are not UTF-8 are replaced.

    :raises RefusedError: the file cannot be read.
    """
    try:
        return path.read_bytes().decode('utf-8', 'replace')
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.RefusedError(
            f"Cannot read '{visible(str(path))}': {error.strerror or error}."
        ) from error


def check_writable(path: Path) -> None:
    """Check that a file can be written, before the work for its content begins.

    :raises RefusedError: its folder does not exist or cannot be written to, or something that is
        not a file, such as a device, would be replaced.
    """
    folder = path.parent
    if not folder.is_dir():
        why = f"there is no folder '{visible(str(folder))}'"
    elif not os.access(folder, os.W_OK | os.X_OK):
        why = 'its folder cannot be written to'
    elif path.exists() and not path.is_file():
        why = 'it is not a regular file'
    else:
        return
    raise errors.RefusedError(f"Cannot write '{visible(str(path))}': {why}.")


def _replace(path: Path, text: str, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    temporary = Path(name)
    try:
        with os.fdopen(handle, 'w', encoding='utf-8', newline='') as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def lock(name: str, refusal: str) -> Iterator[None]:
    """Hold a lock of the user on this machine; the kernel releases it when the process ends.

    :param name: what is locked; processes that use the same name exclude each other.
    :param refusal: the message if another process holds the lock.
    :raises BusyError: another process holds the lock.
    :raises RefusedError: the lock file cannot be created.
    """
    import filelock

    try:
        folder = _lock_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = filelock.FileLock(folder / f'{name}.lock', timeout=0)
        held.acquire()
    except filelock.Timeout as error:
        raise BusyError(refusal) from error
    except (OSError, RuntimeError) as error:
        raise errors.RefusedError(
            f'Cannot create the lock file: {visible(str(error))}. Set XDG_STATE_HOME to a folder '
            'that you may write to.'
        ) from error
    try:
        yield
    finally:
        held.release()


def _lock_folder() -> Path:
    """Return the folder for locks: the user's state folder.

    cron starts jobs without XDG_RUNTIME_DIR, which a login sets: there, the two would not find each
    other's locks.

    :raises RuntimeError: the user has no home folder.
    """
    state = os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state'
    return Path(state) / 'backupext'
