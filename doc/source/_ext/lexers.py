# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""How blocks of code are taken apart, so that the style sheet can treat each part as it needs."""

from typing import Any, ClassVar

from pygments.lexer import RegexLexer
from pygments.lexers.special import TextLexer
from pygments.token import Generic
from sphinx.application import Sphinx

COMMAND = Generic.Strong
OUTPUT = Generic.Output


class TranscriptLexer(RegexLexer):
    """Tell apart prompts, commands, the lines of tables, other output, and options in both."""

    tokens: ClassVar = {
        'root': [
            (r'^\$ ', Generic.Prompt, 'command'),
            (r'^(\+-|\| ).*\n?', OUTPUT.Table),
            (r'--[a-z][\w-]*', OUTPUT.Option),
            (r'[^\n-]+|[\n-]', OUTPUT),
        ],
        'command': [
            (r'\\\n', COMMAND),
            (r'\n', COMMAND, '#pop'),
            (r'\s+', COMMAND),
            (r'-\S+', COMMAND.Option),
            (r'\S+', COMMAND),
        ],
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Replace two of Pygments' lexers."""
    app.add_lexer('console', TranscriptLexer)
    # cliff says that a usage is shell code, in which brackets and pipes would have a meaning.
    app.add_lexer('shell', TextLexer)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
