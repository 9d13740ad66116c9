# SPDX-License-Identifier: Apache-2.0
"""What goes wrong here is said in a sentence."""


class PackagingError(Exception):
    """A step failed; the message says which and why."""


def expect(condition: object, sentence: str) -> None:
    """Go on if the condition holds, else fail with the sentence."""
    if not condition:
        raise PackagingError(sentence)
