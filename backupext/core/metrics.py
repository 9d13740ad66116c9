# SPDX-License-Identifier: Apache-2.0
"""The result of a check as metrics for Prometheus, in its text format.

Names follow the rules of Prometheus: base units, and no suffix that belongs to another type. All
metrics are gauges. They have no times, which the textfile collector of node_exporter refuses.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from backupext.core import findings
from backupext.core.findings import Health, Report

_PREFIX = 'openstack_volume_backup_'

Labels = dict[str, str]


class _Sample(NamedTuple):
    labels: Labels
    value: float


def render(report: Report, project_id: str | None) -> str:
    """Return the metrics of a check.

    :param project_id: the project of volumes that show none.
    """
    label = {'label': _label(report)}
    volumes = [(_labels(each, project_id) | label, each) for each in report.volumes]
    metrics = [*_of_volumes(volumes), *_of_the_check(report, label)]
    return ''.join(line for metric in metrics for line in _lines(*metric))


def _of_volumes(
    volumes: Iterable[tuple[Labels, Health]],
) -> Iterator[tuple[str, str, list[_Sample]]]:
    known = list(volumes)
    yield (
        'newest_timestamp_seconds',
        'Time of the data of the newest restorable backup, 0 without one.',
        [_Sample(labels, _newest(each)) for labels, each in known],
    )
    yield (
        'newest_restorable',
        'Whether the newest available backup can be restored; 0 without one.',
        [_Sample(labels, bool(each.is_restorable)) for labels, each in known],
    )
    yield (
        'backups',
        'Number of backups by status.',
        [
            _Sample({**labels, 'status': status}, count)
            for labels, each in known
            for status, count in sorted({'available': 0, **each.statuses}.items())
        ],
    )
    yield (
        'chain_length',
        'Number of backups that the newest restorable backup consists of.',
        [_Sample(labels, each.chain) for labels, each in known],
    )
    yield (
        'state',
        'Result for the volume: 0 is ok, 1 warning, 2 critical, 3 unknown.',
        [_Sample(labels, each.severity.value) for labels, each in known],
    )


def _of_the_check(report: Report, label: Labels) -> Iterator[tuple[str, str, list[_Sample]]]:
    yield (
        'findings',
        'Number of volumes, or of other things, with a kind of finding.',
        [
            _Sample({**label, 'finding': kind.name}, len(report.having(kind)))
            for kind in findings.KINDS
        ],
    )
    yield (
        'check_state',
        'Result of the check: 0 is ok, 1 warning, 2 critical, 3 unknown.',
        [_Sample(label, report.severity.value)],
    )
    yield (
        'check_timestamp_seconds',
        "Time of the check on the cloud's clock.",
        [_Sample(label, report.now.timestamp())],
    )


def _label(report: Report) -> str:
    """Return what distinguishes the checks whose metrics are on the same machine."""
    properties = (str(each) for each in report.policy.properties)
    return report.policy.label or ','.join(properties)


def _labels(volume: Health, project_id: str | None) -> Labels:
    return {
        'volume_id': volume.id or '',
        'volume_name': volume.name or '',
        'project_id': volume.project_id or project_id or '',
    }


def _newest(volume: Health) -> float:
    return volume.newest_time.timestamp() if volume.newest_time else 0


def _lines(name: str, help_: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f'# HELP {_PREFIX}{name} {help_}\n'
    yield f'# TYPE {_PREFIX}{name} gauge\n'
    for labels, value in samples:
        pairs = ','.join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f'{_PREFIX}{name}{{{pairs}}} {float(value)!r}\n'


def _escaped(text: str) -> str:
    return text.replace('\\', r'\\').replace('"', r'\"').replace('\n', r'\n')
