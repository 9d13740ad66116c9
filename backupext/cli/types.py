# SPDX-License-Identifier: Apache-2.0
"""Types of arguments: each converts the text, or raises a usage error."""

import argparse
import calendar
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backupext.core.filters import Property, SortKey
from backupext.core.labels import LONGEST_VALUE
from backupext.core.models import is_id
from backupext.core.timespec import parse_duration, parse_instant

T = TypeVar('T')


def reference(text: str) -> str:
    """Accept a name or an ID, but not an empty text.

    An unset shell variable leaves an empty text, and a backup can have an empty name.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError('must not be empty (is a shell variable unset?)')
    return text


def text_or_none(text: str) -> str | None:
    """Accept any text, and return None for an empty one."""
    return text or None


def optional_reference(text: str) -> str | None:
    """Accept a name or an ID, and return None for an empty text, as the built-in commands do."""
    return reference(text) if text else None


def path(text: str) -> Path:
    """Accept the path of a file or folder, but not an empty text."""
    return Path(reference(text))


def duration(text: str) -> timedelta:
    """Accept a duration such as ``90s``, ``30m`` or ``12h``."""
    return _parsed(parse_duration, text)


def instant(text: str) -> datetime:
    """Accept a time, or an age such as ``7d``."""
    return _parsed(lambda given: parse_instant(given, datetime.now(timezone.utc)), text)


def sort_keys(text: str) -> tuple[SortKey, ...]:
    """Accept ``key[:direction]``, or several of them separated by commas."""
    return tuple(_parsed(SortKey.parse, key) for key in text.split(','))


def property_filter(text: str) -> Property:
    """Accept ``key`` or ``key=value``."""
    return _parsed(Property.parse, text)


def name_format(fields: Iterable[str]) -> Callable[[str], str]:
    """Return a type that accepts a format of names with some fields."""
    from backupext.core.naming import check_format

    return lambda text: _parsed(lambda format_: check_format(format_, fields), text)


def zone(text: str) -> tzinfo:
    """Accept the name of a time zone."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a known time zone") from error


def id_(text: str) -> str:
    """Accept an ID."""
    if not is_id(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a valid ID")
    return text


def positive(text: str) -> int:
    """Accept a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError('must be 1 or greater')
    return int(text)


def label(text: str) -> str:
    """Accept the label of a rotation."""
    if not text.strip() or len(text) > LONGEST_VALUE:
        raise argparse.ArgumentTypeError(f'must have 1 to {LONGEST_VALUE} characters')
    return text


def weekday(text: str) -> int:
    """Accept a day of the week, or its first three letters; return its ISO number."""
    names = (name.lower() for name in calendar.day_name)
    for number, name in enumerate(names, start=1):
        if text.lower() in {name, name[:3]}:
            return number
    raise argparse.ArgumentTypeError(f"'{text}' is not a day of the week: use one such as sunday")


def shard(text: str) -> tuple[int, int]:
    """Accept ``<number>/<count>``, such as ``1/4``."""
    number, slash, count = text.partition('/')
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a shard: use <number>/<count>, such as 1/4"
        )
    if not 1 <= int(number) <= int(count):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a shard: use 1/{count} to {count}/{count}"
        )
    return int(number), int(count)


def _parsed(parse: Callable[[str], T], text: str) -> T:
    """Parse text with an error whose message argparse prints; it hides that of a ValueError."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    except OverflowError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is out of range") from error
