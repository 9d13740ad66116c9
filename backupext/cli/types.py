# SPDX-License-Identifier: Apache-2.0
"""Types of arguments: each reads what was typed, or makes it a usage error."""

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backupext.core.filters import Property, SortKey
from backupext.core.models import is_id
from backupext.core.timespec import parse_duration, parse_instant

T = TypeVar('T')


def reference(text: str) -> str:
    """Accept a name, an ID or whatever is asked for, but not nothing.

    An empty one is what an unset shell variable leaves, and backups may have an empty name.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError('must not be empty (is a shell variable unset?)')
    return text


def text_or_none(text: str) -> str | None:
    """Accept any text; an empty one is as good as none."""
    return text or None


def optional_reference(text: str) -> str | None:
    """Accept a name or an ID, or an empty text for none, as the built-in commands do."""
    return reference(text) if text else None


def duration(text: str) -> timedelta:
    """Accept a duration such as ``90s``, ``30m`` or ``12h``."""
    return _parsed(parse_duration, text)


def instant(text: str) -> datetime:
    """Accept a time, or an age before now."""
    return _parsed(lambda given: parse_instant(given, datetime.now(timezone.utc)), text)


def sort_keys(text: str) -> tuple[SortKey, ...]:
    """Accept ``key[:direction]``, several of them separated by commas."""
    return tuple(_parsed(SortKey.parse, key) for key in text.split(','))


def property_filter(text: str) -> Property:
    """Accept ``key`` or ``key=value``."""
    return _parsed(Property.parse, text)


def zone(text: str) -> tzinfo:
    """Accept the name of a time zone."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no time zone known here") from error


def id_(text: str) -> str:
    """Accept an ID."""
    if not is_id(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no ID")
    return text


def positive(text: str) -> int:
    """Accept a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return int(text)


def _parsed(parse: Callable[[str], T], text: str) -> T:
    """Parse text; argparse prints the message of this error, and of a ValueError it does not."""
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
