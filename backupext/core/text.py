# SPDX-License-Identifier: Apache-2.0
"""Make text from other people safe and short for a terminal."""

import html
import re
import unicodedata

_LONGEST_ANSWER = 300
# Cinder's schema check appends the regular expression that a value does not match. For a name or a
# description it has thousands of characters.
_REGULAR_EXPRESSION = re.compile(r"(does not match) (any of the regexes: )?'?\^.*", re.DOTALL)

_MARKUP = re.compile(r'<(script|style)\b.*?</\1\s*>|<[^>]*>', re.DOTALL | re.IGNORECASE)


def visible(text: str) -> str:
    r"""Escape control and format characters, which a terminal would obey instead of show.

    Names come from other people: an escape sequence or a right-to-left mark in one name must not
    change how others look. ``'a\x1b'`` becomes ``'a\\x1b'``.
    """
    if text.isprintable():
        return text
    return ''.join(
        char.encode('unicode_escape').decode() if _is_unsafe(char) else char for char in text
    )


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'}


def one_sentence(answer: str) -> str:
    """Shorten a server's message to fit into a sentence, without its full stop.

    Cinder repeats a value that it refuses, and gives the reason at the end, so the middle is
    omitted.
    """
    answer = _REGULAR_EXPRESSION.sub(r'\1 what Block Storage allows', answer)
    answer = visible(' '.join(answer.split())).rstrip('.')
    if len(answer) <= _LONGEST_ANSWER:
        return answer
    half = _LONGEST_ANSWER // 2
    return f'{answer[:half]} [...] {answer[-half:]}'


def without_markup(page: str) -> str:
    """Return the text of an HTML page; proxies send their errors as HTML."""
    return html.unescape(_MARKUP.sub(' ', page))
