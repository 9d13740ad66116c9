# SPDX-License-Identifier: Apache-2.0
"""Reads the project's reStructuredText as far as tests need it: blocks of code, and sections."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import docutils.core

_DIRECTIVE = re.compile(r'^( *)\.\. code-block:: (\w+)$')
_COMMENT = re.compile(r'^ *\.\. (\w[^:]*: .*)$')
_OPTION = re.compile(r':([a-z-]+): (.+)')
_TITLE = re.compile(r'^.+\n===+$', re.MULTILINE)
_COMMAND = re.compile(r'((?:.*\\\n)*.*)\n')


class Block(NamedTuple):
    """A code block without its indentation, and the comment directly above it."""

    language: str
    options: dict[str, str]
    lines: list[str]
    comment: str = ''
    indent: str = ''

    @property
    def text(self) -> str:
        """The block as the text of a file."""
        return ''.join(f'{line}\n' for line in self.lines)


class Step(NamedTuple):
    """A command line of a transcript, and the output below it."""

    typed: str
    shown: str

    @property
    def command(self) -> str:
        """The command in one line."""
        return self.typed.replace('\\\n', '')


def blocks(text: str) -> Iterator[Block]:
    """Yield the code blocks of a page in their order."""
    lines = text.splitlines()
    end = 0
    for place, line in enumerate(lines):
        found = _DIRECTIVE.match(line)
        if found and place >= end:  # a block may show another one
            indent = f'{found[1]}   '
            inside = _indented(lines[place + 1 :], indent)
            yield _block(found[2], inside, _comment(lines[end:place]), indent)
            end = place + 1 + len(inside)


def code(text: str, *languages: str) -> list[str]:
    """Return the code blocks in the given languages."""
    return [block.text for block in blocks(text) if block.language in languages]


def steps(block: Block) -> Iterator[Step]:
    """Yield the command lines of a transcript with their output."""
    for part in re.split(r'^\$ ', block.text, flags=re.MULTILINE)[1:]:
        found = _COMMAND.match(part)
        if found:
            yield Step(found[1], part[found.end() :])


def section(text: str, title: str) -> str:
    """Return the text below a title, up to the next title of the same level."""
    below = text.partition(f'\n{title}\n{"=" * len(title)}\n')[2]
    return _TITLE.split(below, maxsplit=1)[0]


def warnings_of(text: str) -> str:
    """Parse a text without Sphinx, as a package index does, and return docutils' warnings."""
    settings = {
        'report_level': 1,
        'halt_level': 5,
        'warning_stream': False,
        '_disable_config': True,
    }
    document = docutils.core.publish_doctree(text, settings_overrides=settings)
    messages = [*document.parse_messages, *document.transform_messages]
    return '\n'.join(message.astext() for message in messages)


def _indented(lines: list[str], indent: str) -> list[str]:
    """Return the lines up to the first with less indentation, without their indentation."""
    inside = itertools.takewhile(lambda line: not line or line.startswith(indent), lines)
    return [line[len(indent) :] for line in inside]


def _block(language: str, lines: list[str], comment: str, indent: str) -> Block:
    found = [_OPTION.match(line) for line in itertools.takewhile(bool, lines)]
    content = '\n'.join(lines[len(found) :]).strip('\n')
    options = {option[1]: option[2] for option in found if option}
    return Block(language, options, content.splitlines(), comment, indent)


def _comment(before: list[str]) -> str:
    """Return the comment at the end of the lines, if there is one."""
    last = next((line for line in reversed(before) if line), '')
    found = _COMMENT.match(last)
    return found[1] if found else ''
