# SPDX-License-Identifier: Apache-2.0
"""The text that monitoring systems read: a summary, performance data, and a line per finding.

Nagios defined the format. Icinga, Checkmk and Zabbix read it too.
"""

from collections.abc import Iterable, Iterator

from backupext.core import findings
from backupext.core.findings import Health, Kind, Report, Severity
from backupext.core.text import visible
from backupext.core.timespec import format_age

#: What the text begins with.
SERVICE = 'BACKUP'
#: Names in the summary, and lines after it. Monitoring systems cut longer texts.
_MOST_NAMES = 5
_MOST_LINES = 100


def unknown(reason: str) -> str:
    """Return the line for a check that could not be made."""
    return f'{SERVICE} {Severity.UNKNOWN.name}: {_safe(" ".join(reason.split()))}'


def lines(report: Report) -> Iterator[str]:
    """Yield the lines of a report: the summary with performance data, then the findings."""
    yield f'{SERVICE} {report.severity.name}: {_summary(report)} | {_performance(report)}'
    found = report.findings
    for finding in found[:_MOST_LINES]:
        yield f'{finding.kind.severity.name}: {_safe(str(finding))}'
    if len(found) > _MOST_LINES:
        yield f'There are {len(found) - _MOST_LINES} more findings: use -f table to see all.'


def _safe(text: str) -> str:
    """Escape control characters, and the bar that begins performance data."""
    return visible(text).replace('|', r'\x7c')


def _summary(report: Report) -> str:
    found = report.concerned.items()
    counts = [_count(kind, having, report) for kind, having in found if having]
    return ', '.join(counts) or _all_well(report)


def _all_well(report: Report) -> str:
    count, limit = len(report.volumes), format_age(report.policy.max_age)
    new = sum(each.is_new for each in report.volumes)
    old = count - new
    words = [f'{_number(old)} {"has" if old == 1 else "have"} a backup in {limit}'] if old else []
    if new:
        words.append(f'{new if old else _number(new)} {"is" if new == 1 else "are"} new')
    return ', '.join(words)


def _number(count: int) -> str:
    return '1 volume' if count == 1 else f'{count} volumes'


def _count(kind: Kind, having: Iterable[Health], report: Report) -> str:
    concerned, policy = list(having), report.policy
    text = kind.summary.format(
        count=len(concerned),
        total=_number(len(report.volumes)),
        have='has' if len(concerned) == 1 else 'have',
        max_age=format_age(policy.max_age),
        warn_age=format_age(policy.warn_age) if policy.warn_age else '',
    )
    return f'{text} ({_names(concerned)})' if kind is findings.LATE else text


def _names(volumes: Iterable[Health]) -> str:
    """Name volumes with the age of their newest backup, the oldest first."""
    oldest = sorted(volumes, key=lambda each: (each.age is not None, -_seconds(each)))
    names = [f'{_safe(each.name or each.id or "")} {_brief(each)}' for each in oldest[:_MOST_NAMES]]
    more = len(oldest) - _MOST_NAMES
    return ', '.join([*names, *([f'and {more} more'] if more > 0 else [])])


def _brief(volume: Health) -> str:
    return next(each.brief for each in volume.findings if each.kind is findings.LATE)


def _seconds(volume: Health) -> float:
    return volume.age.total_seconds() if volume.age is not None else 0


def _performance(report: Report) -> str:
    """Return the numbers for graphs, each with its limits: ``name=value;warning;critical``."""
    numbers = [
        f'volumes={len(report.volumes)}',
        f'new={sum(each.is_new for each in report.volumes)}',
        *(
            f'{kind.name}={len(having)}{_LIMITS[kind.severity]}'
            for kind, having in report.concerned.items()
        ),
    ]
    ages = [max(int(_seconds(each)), 0) for each in report.volumes if each.age is not None]
    if ages:
        warning, critical = report.policy.warn_age, report.policy.max_age
        limits = [int(each.total_seconds()) if each else '' for each in (warning, critical)]
        numbers.append(f'oldest={max(ages)}s;{limits[0]};{limits[1]}')
    return ' '.join(numbers)


#: One finding is over the limit.
_LIMITS = {Severity.WARNING: ';0', Severity.CRITICAL: ';;0', Severity.UNKNOWN: ''}
