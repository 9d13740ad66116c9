# SPDX-License-Identifier: Apache-2.0
"""Parse and format durations and times as people write them."""

import re
from datetime import datetime, timedelta, timezone

_UNITS = {'w': 'weeks', 'd': 'days', 'h': 'hours', 'm': 'minutes', 's': 'seconds'}
_PART = re.compile(r'(\d+)([wdhms])')
_DURATION = re.compile(r'(\d+[wdhms])+')


def parse_duration(text: str) -> timedelta:
    """Parse ``90s``, ``30m``, ``12h``, ``7d``, ``2w`` or a sum such as ``1h30m``.

    :raises ValueError: the text is not a duration; every number needs a unit.
    :raises OverflowError: the duration is too long for a :class:`~datetime.timedelta`.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"Invalid duration '{text}': use 90s, 30m, 12h, 7d or 1h30m")
    parts = _PART.findall(text)
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def format_duration(seconds: float) -> str:
    """Format a duration in whole seconds: ``5s``, ``2m05s``, ``1h02m05s``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f'{hours}h{minute:02}m{second:02}s'
    return f'{minute}m{second:02}s' if minute else f'{second}s'


def parse_instant(text: str, now: datetime) -> datetime:
    """Parse an age such as ``7d`` (7 days ago), or an ISO 8601 time, in UTC unless it has a zone.

    :param now: aware; ages are subtracted from it.
    :returns: aware.
    :raises ValueError: the text is neither.
    :raises OverflowError: the time is before the year 1.
    """
    if _DURATION.fullmatch(text):
        return now - parse_duration(text)
    try:
        time = datetime.fromisoformat(text.removesuffix('Z'))
    except ValueError:
        raise ValueError(
            f"Invalid time '{text}': use an age such as 7d, or a time such as 2026-11-23 or "
            '2026-11-23T02:00'
        ) from None
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
