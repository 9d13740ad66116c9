# SPDX-License-Identifier: Apache-2.0
import os
import signal
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from backupext import errors, local

HOLD = """
import sys
from backupext import local
with local.lock('night', 'busy'):
    print('held', flush=True)
    sys.stdin.read()
"""


DIE = """
import os, signal, sys
from pathlib import Path
from unittest import mock
from backupext import local
with mock.patch('os.fsync', lambda _: os.kill(os.getpid(), signal.SIGKILL)):
    local.write_whole(Path(sys.argv[1]), 'new')
"""


class FolderTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class WriteTest(FolderTest):
    def test_file_is_private_by_default(self) -> None:
        path = self.folder / 'records.json'
        local.write_whole(path, 'caf\u00e9\n')
        self.assertEqual(path.read_bytes(), 'caf\u00e9\n'.encode())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_file_has_the_given_mode(self) -> None:
        path = self.folder / 'metrics.prom'
        local.write_whole(path, '', mode=0o644)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)

    def test_missing_folder_is_refused(self) -> None:
        path = self.folder / 'missing' / 'file'
        with self.assertRaisesRegex(errors.RefusedError, "^Cannot write '.*': No such file or"):
            local.write_whole(path, 'text')

    def test_full_disk_leaves_the_old_file(self) -> None:
        path = self.folder / 'file'
        local.write_whole(path, 'old')
        with (
            mock.patch('os.fsync', side_effect=OSError(28, 'No space left on device')),
            self.assertRaisesRegex(errors.RefusedError, 'No space left on device'),
        ):
            local.write_whole(path, 'new')
        self.assertEqual(path.read_text('utf-8'), 'old')
        self.assertEqual(list(self.folder.iterdir()), [path])

    def test_killed_process_leaves_the_old_file(self) -> None:
        path = self.folder / 'file'
        local.write_whole(path, 'old')
        killed = subprocess.run([sys.executable, '-c', DIE, path], check=False)
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        self.assertEqual(path.read_text('utf-8'), 'old')


class ReadTest(FolderTest):
    def test_text_is_read(self) -> None:
        path = self.folder / 'file'
        path.write_bytes(b'caf\xc3\xa9\xff')
        self.assertEqual(local.read(path), 'caf\u00e9\ufffd')

    def test_missing_file_has_no_text(self) -> None:
        self.assertIsNone(local.read(self.folder / 'missing'))

    def test_folder_cannot_be_read(self) -> None:
        with self.assertRaisesRegex(errors.RefusedError, "^Cannot read '.*': Is a directory"):
            local.read(self.folder)


class CheckTest(FolderTest):
    def assert_not_writable(self, path: Path, why: str) -> None:
        with self.assertRaisesRegex(errors.RefusedError, f"^Cannot write '.*': {why}"):
            local.check_writable(path)

    def test_new_and_existing_files_are_writable(self) -> None:
        path = self.folder / 'file'
        local.check_writable(path)
        path.touch()
        local.check_writable(path)

    def test_missing_folder_is_noticed(self) -> None:
        self.assert_not_writable(self.folder / 'missing' / 'file', 'there is no folder')

    def test_folder_without_permission_is_noticed(self) -> None:
        with mock.patch('os.access', return_value=False):
            self.assert_not_writable(self.folder / 'file', 'its folder cannot be written to')

    def test_device_is_not_replaced(self) -> None:
        self.assert_not_writable(Path('/dev/null'), 'it is not a regular file|its folder cannot')
        pipe = self.folder / 'pipe'
        os.mkfifo(pipe)
        self.assert_not_writable(pipe, 'it is not a regular file')


class LockTest(FolderTest):
    def setUp(self) -> None:
        super().setUp()
        variables = mock.patch.dict(os.environ, {'XDG_STATE_HOME': str(self.folder)})
        variables.start()
        self.addCleanup(variables.stop)

    def hold(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, '-c', HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), 'held\n')
        self.addCleanup(process.communicate)
        return process

    def test_another_process_is_refused(self) -> None:
        self.hold()
        with self.assertRaises(local.BusyError) as caught, local.lock('night', 'Another run.'):
            self.fail('the lock was given twice')
        self.assertEqual(str(caught.exception), 'Another run.')
        self.assertEqual(caught.exception.exit_status, 5)

    def test_other_names_do_not_exclude_each_other(self) -> None:
        self.hold()
        with local.lock('day', 'Another run.'):
            pass

    def test_killed_process_leaves_no_lock(self) -> None:
        process = self.hold()
        process.kill()
        process.wait()
        with local.lock('night', 'Another run.'):
            pass

    def test_unusable_folder_is_refused(self) -> None:
        (self.folder / 'backupext').write_text('a file')
        with (
            self.assertRaisesRegex(errors.RefusedError, '^Cannot create the lock file'),
            local.lock('night', 'Another run.'),
        ):
            self.fail('the lock was given without a folder')
