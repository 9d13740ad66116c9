# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a pseudo-terminal, and records the screen.

The terminal says that it has COLUMNS columns, and what fits itself to that does. A line that is
longer nevertheless is kept whole: the picture breaks it between words.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from typing import NamedTuple

ROWS, COLUMNS = 50, 100

_PATIENCE = 60
_QUESTION = re.compile(r'\[y/N\] $')
_TOKEN = re.compile(
    r'(?P<text>[^\x00-\x1f]+)|(?P<control>[\r\n])|\x1b\[(?P<arguments>[?\d;]*)(?P<final>[a-zA-Z])'
)
_CURSOR = {'?25h', '?25l'}


class Screen:
    """A terminal with the functions that the commands need; anything else is an error."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0
        self._style = ''
        self._rest = ''

    @property
    def lines(self) -> list[str]:
        """The text on the screen, with escape sequences for colours."""
        return [''.join(row).rstrip(' ') for row in self._rows]

    @property
    def text(self) -> str:
        """The text on the screen, without colours."""
        return re.sub(r'\x1b\[[\d;]*m', '', '\n'.join(''.join(row) for row in self._rows))

    def feed(self, written: str) -> None:
        """Show text; an escape sequence may arrive in pieces."""
        written, self._rest = self._rest + written, ''
        place = 0
        while place < len(written):
            token = _TOKEN.match(written, place)
            if token is None:
                self._rest = written[place:]
                if not re.fullmatch(r'\x1b(\[[?\d;]*)?', self._rest):
                    raise ValueError(f'unknown escape sequence: {self._rest[:20]!r}')
                return
            self._take(token)
            place = token.end()

    def _take(self, token: re.Match[str]) -> None:
        if token['text']:
            for character in token['text']:
                self._put(character)
        elif token['control'] == '\r':
            self._column = 0
        elif token['control'] == '\n':
            self._row += 1
            if self._row == len(self._rows):
                self._rows.append([])
        else:
            self._obey(token['arguments'], token['final'])

    def _put(self, character: str) -> None:
        row = self._rows[self._row]
        row.extend(' ' * (self._column + 1 - len(row)))
        row[self._column] = f'{self._style}{character}\x1b[0m' if self._style else character
        self._column += 1

    def _obey(self, arguments: str, final: str) -> None:
        if final == 'A':
            self._row -= int(arguments or 1)
        elif (arguments, final) == ('2', 'K'):
            self._rows[self._row].clear()
        elif final == 'm':
            is_reset = arguments in {'', '0'}
            self._style = '' if is_reset else f'{self._style}\x1b[{arguments}m'
        elif arguments + final not in _CURSOR:
            raise ValueError(f'unknown escape sequence: ESC [ {arguments}{final}')


class Seen(NamedTuple):
    """The screen after each frame's pattern appeared, and the exit status of the command."""

    frames: list[list[str]]
    status: int


def run(
    command: list[str], environment: Mapping[str, str], answer: str, patterns: list[str]
) -> Seen:
    """Run a command, answer its question, and wait for each pattern in turn.

    An empty pattern stands for the end.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', 'TERM': 'xterm', **environment},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        frames = _watch(ours, answer, patterns)
        return Seen(frames, process.wait(_PATIENCE))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _watch(terminal: int, answer: str, patterns: list[str]) -> list[list[str]]:
    screen, frames, left = Screen(), [], list(patterns)
    decoder = codecs.getincrementaldecoder('utf-8')()
    while piece := _read(terminal):
        screen.feed(decoder.decode(piece))
        if left and left[0] and re.search(left[0], screen.text):
            frames.append(screen.lines)
            left.pop(0)
        if answer and _QUESTION.search(screen.text):
            os.write(terminal, answer.encode())
            answer = ''
    if left != [''] or answer:
        raise ValueError(f'{left[0] or "the question"!r} did not appear: {screen.text}')
    return [*frames, screen.lines]


def _read(terminal: int) -> bytes:
    """Read new output; nothing if the command has ended."""
    if not select.select([terminal], [], [], _PATIENCE)[0]:
        raise TimeoutError(f'no output for {_PATIENCE} seconds')
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux raises it when the other side is closed
        return b''
