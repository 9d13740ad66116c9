# SPDX-License-Identifier: Apache-2.0
"""Creates all pictures, or those named: `python -m tests.pictures [NAME...]`.

Each shows what real commands wrote on a terminal, in a sandbox of its own. Three things are
changed, so that the same commands give the same picture again: each ID becomes one that is made
from a name, the port of Block Storage its usual one, and the time of a new backup the night after
the history.
"""

import hashlib
import re
import shlex
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rich.text import Text

from tests.functional.client import ROOT, osc_python
from tests.pictures import terminal
from tests.pictures.cloud import Cloud
from tests.pictures.drawing import draw
from tests.pictures.scenes import MISTYPED, PICTURES, Picture, Shot
from tests.sandbox import Sandbox

FOLDER = ROOT / 'doc' / 'source' / 'pictures'

_ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_ADDRESS = re.compile(r'http://127\.0\.0\.1:\d+')
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d')
_NEW = timedelta(hours=1)
_NIGHT = '2026-11-24T02:00:03'
_USUAL_ADDRESS = 'http://127.0.0.1:8776'
# Enough data to make the progress of a backup visible.
_LARGE = 400


def main() -> None:
    """Create the pictures."""
    with Sandbox.start() as sandbox:
        cloud = Cloud(sandbox)
        cloud.live_through()
        cloud.enlarge('wiki', _LARGE)
        studio = _Studio(cloud)
        FOLDER.mkdir(exist_ok=True)
        for picture in PICTURES:
            svg = studio.take(picture)
            if not sys.argv[1:] or picture.name in sys.argv[1:]:
                path = FOLDER / f'{picture.name}.svg'
                path.write_text(svg, 'utf-8')
                sys.stdout.write(f'{path.relative_to(ROOT)}\n')


class _Studio:
    """Runs the commands, and replaces what differs between runs."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._mistyped = _mistype(cloud.ids['ledger'])
        self._ids = {id_: _made_from(name) for name, id_ in cloud.ids.items()}
        self._ids[self._mistyped] = _mistype(_made_from('ledger'))

    def take(self, picture: Picture) -> str:
        """Run the commands of a picture and draw it."""
        if picture.rotation:
            self._cloud.prepare_rotation()
        lines: list[Text] = []
        for shot in picture.shots:
            if lines:
                lines.append(Text())
            lines += self._take(shot)
        title = ' '.join(['openstack', *picture.shots[0].arguments.split()[:3]])
        return draw(picture.name, title, picture.alternative, lines)

    def _take(self, shot: Shot) -> list[Text]:
        arguments = shot.arguments.replace(MISTYPED, self._mistyped)
        python = osc_python() if shot.alone else Path(sys.executable)
        command = [str(python.with_name('openstack')), *shlex.split(arguments)]
        patterns = [frame.pattern for frame in shot.frames]
        seen = terminal.run(command, self._cloud.environment, shot.answer, patterns)
        if seen.status != shot.status:
            raise SystemExit(f'{arguments}: exit status {seen.status}: {seen.frames[-1]}')
        lines = [*_caption(shot.caption), *_typed(self._stable(arguments))]
        for frame, shown in zip(shot.frames, seen.frames, strict=True):
            lines += _caption(frame.caption)
            lines += [Text.from_ansi(self._stable(line)) for line in _without_last(shown)]
        return lines

    def _stable(self, line: str) -> str:
        line = _TIME.sub(_stable_time, _ADDRESS.sub(_USUAL_ADDRESS, line))
        return _ID.sub(self._stable_id, line)

    def _stable_id(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], _made_from(f'another {len(self._ids)}'))


def _stable_time(found: re.Match[str]) -> str:
    age = datetime.now(timezone.utc) - datetime.fromisoformat(f'{found[0]}+00:00')
    return _NIGHT if timedelta() <= age < _NEW else found[0]


def _typed(arguments: str) -> list[Text]:
    """Show a command as it was typed, after the prompt of a shell."""
    first, *others = arguments.split('\n')
    texts = [f'openstack {first}', *(f'    {other}' for other in others)]
    lines = [Text(f'{text} \\', 'bold') for text in texts[:-1]] + [Text(texts[-1], 'bold')]
    return [Text.assemble(('$ ', 'bold green'), lines[0]), *lines[1:]]


def _caption(caption: str) -> list[Text]:
    return [Text(f'# {caption}', 'cyan')] if caption else []


def _without_last(lines: list[str]) -> list[str]:
    """Remove the empty lines at the end, where the cursor is."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def _mistype(id_: str) -> str:
    return f'{id_[:-1]}{(int(id_[-1], 16) + 1) % 16:x}'


def _made_from(name: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


if __name__ == '__main__':
    main()
