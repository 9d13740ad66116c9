# SPDX-License-Identifier: Apache-2.0
"""The pages of the documentation, and the command lines that they show."""

import re
import shlex

from tests.restructuredtext import blocks, code, steps
from tests.unit.project import inventory
from tests.unit.project.typed import PREFIX

SOURCE = inventory.ROOT / 'doc' / 'source'
README = inventory.ROOT / 'README.rst'

_GUIDES = ('user', 'admin')
_CALL = re.compile(r'^[^#\n]*?\bopenstack (.*)$', re.MULTILINE)


def read(*path: str) -> str:
    """Read a page by its path below ``doc/source``."""
    return SOURCE.joinpath(*path).read_text('utf-8')


def guides() -> dict[str, str]:
    """Read the README and the guides."""
    paths = [README, *(path for guide in _GUIDES for path in (SOURCE / guide).glob('*.rst'))]
    return {
        str(path.relative_to(inventory.ROOT)): path.read_text('utf-8') for path in sorted(paths)
    }


def command_lines(text: str) -> list[list[str]]:
    """Return the arguments of each command of the plugin in transcripts and scripts."""
    return [_arguments(call) for call in _CALL.findall(_typed(text)) if PREFIX in call]


def _typed(text: str) -> str:
    """Collect the command lines of transcripts, and the lines of scripts."""
    transcripts = [block for block in blocks(text) if block.language == 'console']
    typed = [step.command for block in transcripts for step in steps(block)]
    return '\n'.join([*typed, *code(text, 'sh', 'text')]).replace('\\\n', ' ')


def _arguments(call: str) -> list[str]:
    """Split the arguments after ``openstack volume backup``, up to a redirection."""
    arguments = shlex.split(call.partition(PREFIX)[2], comments=True)
    end = min(
        (arguments.index(part) for part in ('>', '>>', '|') if part in arguments), default=None
    )
    return [part for part in arguments[:end] if part != '$@']
