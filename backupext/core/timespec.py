# SPDX-License-Identifier: Apache-2.0
"""Durations and times as people write them."""

import re
from datetime import datetime, timedelta, timezone

_UNITS = {'w': 'weeks', 'd': 'days', 'h': 'hours', 'm': 'minutes', 's': 'seconds'}
_PART = re.compile(r'(\d+)([wdhms])')
_DURATION = re.compile(r'(\d+[wdhms])+')


def parse_duration(text: str) -> timedelta:
    """Read ``90s``, ``30m``, ``12h``, ``7d``, ``2w`` or a sum such as ``1h30m``.

    :raises ValueError: it is no duration; a number needs its unit.
    :raises OverflowError: it is longer than the calendar.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"'{text}' is no duration: write 90s, 30m, 12h, 7d or 1h30m")
    parts = _PART.findall(text)
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def format_duration(seconds: float) -> str:
    """Write how long something took, in whole seconds: ``5s``, ``2m05s``, ``1h02m05s``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f'{hours}h{minute:02}m{second:02}s'
    return f'{minute}m{second:02}s' if minute else f'{second}s'


def parse_instant(text: str, now: datetime) -> datetime:
    """Read an age such as ``7d`` (that long ago) or an ISO 8601 time; without a zone it is UTC.

    :param now: aware.
    :returns: aware.
    :raises ValueError: it is neither.
    :raises OverflowError: it is older than the calendar.
    """
    if _DURATION.fullmatch(text):
        return now - parse_duration(text)
    try:
        time = datetime.fromisoformat(text.removesuffix('Z'))
    except ValueError:
        raise ValueError(
            f"'{text}' is neither an age nor a time: write 7d, 2026-11-23 or 2026-11-23T02:00"
        ) from None
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
