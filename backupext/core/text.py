# SPDX-License-Identifier: Apache-2.0
"""Text that others wrote, made safe and short for a person's terminal."""

import html
import re
import unicodedata

_LONGEST_ANSWER = 300
# Cinder's schema check appends the regular expression that a value failed, of thousands of
# characters where the value is a name or a description.
_REGULAR_EXPRESSION = re.compile(r"(does not match) (any of the regexes: )?'?\^.*", re.DOTALL)

_MARKUP = re.compile(r'<(script|style)\b.*?</\1\s*>|<[^>]*>', re.DOTALL | re.IGNORECASE)


def visible(text: str) -> str:
    r"""Escape what a terminal would obey instead of show: control and format characters.

    Names come from other people: an escape sequence or a right-to-left mark in one must not change
    what a person sees of the others. ``'a\x1b'`` becomes ``'a\\x1b'``.
    """
    if text.isprintable():
        return text
    return ''.join(
        char.encode('unicode_escape').decode() if _is_unsafe(char) else char for char in text
    )


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'}


def one_sentence(answer: str) -> str:
    """Shorten a server's message to what fits into a sentence, without its full stop.

    Cinder repeats a value that it refuses, and says the reason at the end: the middle is left out.
    """
    answer = _REGULAR_EXPRESSION.sub(r'\1 what Block Storage allows', answer)
    answer = visible(' '.join(answer.split())).rstrip('.')
    if len(answer) <= _LONGEST_ANSWER:
        return answer
    half = _LONGEST_ANSWER // 2
    return f'{answer[:half]} [...] {answer[-half:]}'


def without_markup(page: str) -> str:
    """Give the words of an HTML page, of which proxies make their error messages."""
    return html.unescape(_MARKUP.sub(' ', page))
