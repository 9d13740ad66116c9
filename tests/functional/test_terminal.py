# SPDX-License-Identifier: Apache-2.0
"""The real command on a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from tests.functional.client import heed_ctrl_c
from tests.functional.faults import ProxyTest, before_arrival, pass_on

_PATIENCE = 60
_ROWS, _COLUMNS = 40, 160
_CTRL_C = '\x03'
_HIDE, _SHOW = '\x1b[?25l', '\x1b[?25h'
_ESCAPE = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
# Makes the terminal of its standard streams the one that sends Ctrl-C.
_TAKE_TERMINAL = (
    'import fcntl, os, sys, termios; '
    'fcntl.ioctl(0, termios.TIOCSCTTY, 0); '
    'os.execv(sys.argv[1], sys.argv[1:])'
)


class Terminal:
    """A command at a terminal, with a user who reads and types."""

    def __init__(self, arguments: str, environment: dict[str, str]) -> None:
        self._side, theirs = pty.openpty()
        size = struct.pack('HHHH', _ROWS, _COLUMNS, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        command = str(Path(sys.executable).with_name('openstack'))
        self._process = subprocess.Popen(
            [sys.executable, '-c', _TAKE_TERMINAL, command, *arguments.split()],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', 'TERM': 'xterm', **environment},
            start_new_session=True,
            preexec_fn=heed_ctrl_c,  # noqa: PLW1509  # no threads hold locks here
        )
        os.close(theirs)
        self.written = ''

    def __enter__(self) -> 'Terminal':  # noqa: PYI034  # typing.Self is newer than Python 3.10
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._side)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._side, text.encode())

    def expect(self, pattern: str) -> None:
        """Read until text appears; colours and cursor movements are ignored."""
        self._read(lambda: re.search(pattern, self.text) is not None, pattern)

    def finish(self) -> int:
        """Read until the command ends, and return its exit status."""
        self._read(lambda: False, 'its end')
        return self._process.wait(_PATIENCE)

    @property
    def text(self) -> str:
        """The output without escape sequences."""
        return _ESCAPE.sub('', self.written).replace('\r\n', '\n')

    def _read(self, is_done: Callable[[], bool], wanted: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_done():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._side], [], [], left)[0]:
                raise AssertionError(f'{wanted!r} did not come: {self.written!r}')
            try:
                piece = os.read(self._side, 65536)
            except OSError:  # Linux raises it when the other side is closed
                piece = b''
            if not piece:
                if wanted != 'its end':
                    raise AssertionError(f'{wanted!r} did not come: {self.written!r}')
                return
            self.written += piece.decode(errors='replace')


class WaitTest(ProxyTest):
    """Waiting at a terminal."""

    def test_live_line_is_followed_by_the_table(self) -> None:
        volume, name = self.make_volume(), self.unique('seen')
        done = before_arrival(lambda: self.set_all(volume, 'available'))
        self.proxy.script('GET /backups/.+', self.finished_as(volume, 'creating'), pass_on, done)
        command = f'volume backup create {volume} --name {name} --wait'
        with Terminal(command, self.member) as terminal:
            self.assertEqual(terminal.finish(), 0, terminal.written)
        (backup,) = self.rows('backups')[-1:]
        live = rf'backup {name} \({backup}\) +'
        self.assertRegex(terminal.text, rf'{live}creating +0s')
        self.assertRegex(terminal.text, rf'{live}creating +[123]s')
        self.assertRegex(terminal.text, rf'{live}available +\d+s')
        self.assertRegex(terminal.text, rf'(?m)^\| id +\| {backup} +\|$')
        # The last status remains above the table, and the cursor is shown again.
        self.assertGreater(terminal.text.index('| id'), terminal.text.rindex('available'))
        self.assertIn(_HIDE, terminal.written)
        self.assertGreater(terminal.written.rindex(_SHOW), terminal.written.rindex(_HIDE))

    def test_each_backup_has_a_line(self) -> None:
        volume = self.make_volume()
        backups = [self.make_backup(volume) for _ in range(2)]
        self.set_all(volume, 'creating')
        with Terminal(f'volume backup wait {" ".join(backups)}', self.member) as terminal:
            for backup in backups:
                terminal.expect(f'backup {backup} +creating +0s')
            self.set_all(volume, 'available')
            self.assertEqual(terminal.finish(), 0, terminal.written)
        for backup in backups:
            self.assertRegex(terminal.text, rf'backup {backup} +available')

    def test_control_characters_in_a_name_are_escaped(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume, name='plain')
        self.sql('UPDATE backups SET display_name = ? WHERE id = ?', 'a\x1b[2Jb[red]c', backup)
        self.set_all(volume, 'creating')
        with Terminal(f'volume backup wait {backup}', self.member) as terminal:
            terminal.expect('creating')
            self.set_all(volume, 'available')
            self.assertEqual(terminal.finish(), 0, terminal.written)
        self.assertNotIn('\x1b[2J', terminal.written)
        self.assertIn(r'a\x1b[2Jb[red]c', terminal.text)

    def test_quiet_shows_no_live_line(self) -> None:
        volume = self.make_volume()
        with Terminal(f'-q volume backup create {volume} --wait', self.member) as terminal:
            self.assertEqual(terminal.finish(), 0, terminal.written)
        self.assertNotIn('creating', terminal.text)
        self.assertTrue(terminal.text.startswith('+---'))

    def test_fault_is_reported_above_the_live_line(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        self.set_all(volume, 'creating')
        with Terminal(f'volume backup wait {backup}', self.member) as terminal:
            terminal.expect('creating')
            self.proxy.down()
            terminal.expect('Retrying until the cloud answers')
            self.set_all(volume, 'available')
            self.proxy.up()
            self.assertEqual(terminal.finish(), 0, terminal.written)
        self.assertRegex(terminal.text, 'available')

    def test_ctrl_c_keeps_the_backup_and_restores_the_terminal(self) -> None:
        volume, name = self.make_volume(), self.unique('interrupted')
        self.proxy.script('GET /backups/.+', self.finished_as(volume, 'creating'))
        command = f'volume backup create {volume} --name {name} --wait'
        with Terminal(command, self.member) as terminal:
            terminal.expect('creating +[1-9]')
            terminal.type(_CTRL_C)
            self.assertEqual(terminal.finish(), 130, terminal.written)
        (backup,) = self.rows('backups')[-1:]
        self.assertIn('Interrupted; nothing was cancelled', terminal.text)
        self.assertIn(f'openstack volume backup show {backup}', terminal.text.replace('\n', ' '))
        self.assertNotIn('Traceback', terminal.text)
        self.assertGreater(terminal.written.rindex(_SHOW), terminal.written.rindex(_HIDE))
        # The output depends on whether the status was read before Ctrl-C.
        self.assertIn(self.status('backup', backup), {'creating', 'available'})

    def test_time_limit_ends_the_wait(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.set_status(backup, 'creating')
        with Terminal(f'volume backup wait {backup} --timeout 1s', self.member) as terminal:
            self.assertEqual(terminal.finish(), 3, terminal.written)
        self.assertIn('Timed out after 1s', terminal.text)
        self.assertGreater(terminal.written.rindex(_SHOW), terminal.written.rindex(_HIDE))


class ConsentTest(ProxyTest):
    """The question before a deletion."""

    def make_chain(self) -> tuple[str, str]:
        volume = self.make_volume()
        return self.make_backup(volume), self.make_backup(volume, incremental=True)

    def left(self, *backups: str) -> list[str]:
        return [backup for backup in backups if self.status('backup', backup) == 'available']

    def test_answers_other_than_yes_delete_nothing(self) -> None:
        full, child = self.make_chain()
        for keys in ('n\n', '\n', '\x04'):
            with self.subTest(keys=keys):
                command = f'volume backup delete {full} --cascade'
                with Terminal(command, self.member) as terminal:
                    terminal.expect(r'\[y/N\] $')
                    terminal.type(keys)
                    self.assertEqual(terminal.finish(), 1, terminal.written)
                self.assertIn('Nothing was deleted.', terminal.text)
                for backup in (full, child):
                    self.assertIn(backup, terminal.text.partition('[y/N]')[0])
                self.assertEqual(self.proxy.lines('DELETE .*'), [])
                self.assertEqual(self.left(full, child), [full, child])

    def test_ctrl_c_deletes_nothing(self) -> None:
        full, child = self.make_chain()
        with Terminal(f'volume backup delete {full} --cascade', self.member) as terminal:
            terminal.expect(r'\[y/N\] $')
            terminal.type(_CTRL_C)
            self.assertEqual(terminal.finish(), 130, terminal.written)
        self.assertNotIn('Traceback', terminal.text)
        self.assertEqual(self.left(full, child), [full, child])

    def test_yes_deletes(self) -> None:
        full, child = self.make_chain()
        with Terminal(f'volume backup delete {full} --cascade --wait', self.member) as terminal:
            terminal.expect(r'\[y/N\] $')
            terminal.type('y\n')
            self.assertEqual(terminal.finish(), 0, terminal.written)
        for backup in (full, child):
            self.assertEqual(self.status('backup', backup), 'deleted')
            self.assertRegex(terminal.text, rf'backup {backup} +deleted')

    def test_auto_approve_skips_the_question(self) -> None:
        full, child = self.make_chain()
        command = f'volume backup delete {full} --cascade --auto-approve'
        with Terminal(command, self.member) as terminal:
            self.assertEqual(terminal.finish(), 0, terminal.written)
        self.assertNotIn('[y/N]', terminal.text)
        for backup in (full, child):
            self.wait_for('backup', backup, 'deleted')
