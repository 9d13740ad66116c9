# SPDX-License-Identifier: Apache-2.0
"""The error of a packaging test, and how to raise it."""


class PackagingError(Exception):
    """A step failed; the message says which and why."""


def expect(condition: object, sentence: str) -> None:
    """Raise an error with the sentence unless the condition holds."""
    if not condition:
        raise PackagingError(sentence)
