# SPDX-License-Identifier: Apache-2.0
"""The result of a check as metrics for Prometheus, in its text format.

Names follow the rules of Prometheus: base units, and no suffix that belongs to another type. All
metrics are gauges. They have no times, which the textfile collector of node_exporter refuses.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from backupext.core.findings import Health, Report

PREFIX = 'openstack_volume_backup_'

Of = TypeVar('Of', Health, Report)
Labels = dict[str, str]
#: Values with the labels that only this metric has.
Values = Iterable[tuple[Labels, float]]


@dataclass(frozen=True)
class Metric(Generic[Of]):
    """A metric, its help, and how its values are read."""

    name: str
    help: str
    read: Callable[[Of], Values]


def _one(value: float) -> Values:
    return [({}, value)]


def _count_by_status(volume: Health) -> Values:
    counts = {'available': 0, **volume.statuses}
    return [({'status': status}, counts[status]) for status in sorted(counts)]


def _count_by_kind(report: Report) -> Values:
    return [({'finding': kind.name}, len(having)) for kind, having in report.concerned.items()]


#: The metrics of each volume.
OF_VOLUMES: tuple[Metric[Health], ...] = (
    Metric(
        'newest_timestamp_seconds',
        'Time of the data of the newest restorable backup, 0 without one.',
        lambda volume: _one(volume.newest_time.timestamp() if volume.newest_time else 0),
    ),
    Metric(
        'newest_restorable',
        'Whether the newest available backup can be restored, 0 without one.',
        lambda volume: _one(bool(volume.is_restorable)),
    ),
    Metric('backups', 'Number of backups by status.', _count_by_status),
    Metric(
        'chain_length',
        'Number of backups that the newest restorable backup consists of.',
        lambda volume: _one(volume.chain),
    ),
    Metric(
        'state',
        'Result for the volume: 0 is ok, 1 warning, 2 critical, 3 unknown.',
        lambda volume: _one(volume.severity.value),
    ),
)
#: The metrics of a check.
OF_THE_CHECK: tuple[Metric[Report], ...] = (
    Metric(
        'findings',
        'Number of volumes, or of other things, with a kind of finding.',
        _count_by_kind,
    ),
    Metric(
        'check_state',
        'Result of the check: 0 is ok, 1 warning, 2 critical, 3 unknown.',
        lambda report: _one(report.severity.value),
    ),
    Metric(
        'check_timestamp_seconds',
        "Time of the check on the cloud's clock.",
        lambda report: _one(report.now.timestamp()),
    ),
)


def render(report: Report, project_id: str | None) -> str:
    """Return the metrics of a check.

    :param project_id: the project of volumes that show none.
    """
    label = {'label': _label(report)}
    volumes = [(_labels(each, project_id) | label, each) for each in report.volumes]
    return ''.join(
        [
            *(line for metric in OF_VOLUMES for line in _lines(metric, volumes)),
            *(line for metric in OF_THE_CHECK for line in _lines(metric, [(label, report)])),
        ]
    )


def _label(report: Report) -> str:
    """Return what distinguishes the checks whose metrics are on the same machine."""
    return report.policy.label or ','.join(str(each) for each in report.policy.properties)


def _labels(volume: Health, project_id: str | None) -> Labels:
    return {
        'volume_id': volume.id or '',
        'volume_name': volume.name or '',
        'project_id': volume.project_id or project_id or '',
    }


def _lines(metric: Metric[Of], things: Iterable[tuple[Labels, Of]]) -> Iterator[str]:
    name = PREFIX + metric.name
    yield f'# HELP {name} {metric.help}\n'
    yield f'# TYPE {name} gauge\n'
    for labels, thing in things:
        for more, value in metric.read(thing):
            pairs = ','.join(f'{key}="{_escaped(text)}"' for key, text in (labels | more).items())
            yield f'{name}{{{pairs}}} {float(value)!r}\n'


def _escaped(text: str) -> str:
    return text.replace('\\', r'\\').replace('"', r'\"').replace('\n', r'\n')
