# SPDX-License-Identifier: Apache-2.0
"""Formats of the names that commands give to new backups and volumes."""

import string
from collections.abc import Iterable

#: The longest name that Cinder accepts.
LONGEST_NAME = 255


def check_format(format_: str, fields: Iterable[str]) -> str:
    """Return a format of names, such as ``{volume}-{date}``.

    :param fields: the fields that it may use.
    :raises ValueError: it is empty or not well-formed, or has another field.
    """
    known = tuple(fields)
    allowed = ', '.join(f'{{{each}}}' for each in known)
    try:
        parts = list(string.Formatter().parse(format_))
    except ValueError:
        raise ValueError(
            f"Invalid name format '{format_}': write {{{{ and }}}} for braces that are no field; "
            f'the fields are {allowed}'
        ) from None
    if not format_.strip():
        raise ValueError('the name format is empty')
    for _, name, spec, conversion in parts:
        if name is not None and (name not in known or spec or conversion):
            raise ValueError(f"Invalid name format '{format_}': the fields are {allowed}")
    return format_


def fill(format_: str, volume: str, **others: str) -> str:
    """Return the name that a format gives; one that is too long is cut in the volume's name."""
    # Without the volume, then with as much of its name as fits each time.
    rest = len(format_.format(volume='', **others))
    times = max(1, len(format_.format(volume='x', **others)) - rest)
    fitting = volume[: max(0, LONGEST_NAME - rest) // times]
    # Cinder strips names when it stores them.
    return format_.format(volume=fitting, **others).strip()[:LONGEST_NAME]
