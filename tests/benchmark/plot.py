# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of a run: `plot.py benchmark.json` creates benchmark.svg and .png.

Started by its path in the environment that has matplotlib; it imports nothing else of the
project.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # in an environment of its own

mpl.use('Agg')
# The same figures create the same file: no date, no random identifiers.
mpl.rcParams['svg.hashsalt'] = 'backupext'

from matplotlib import pyplot as plt  # noqa: E402

COLOURS = {
    'OSC': '#b2182b',
    'cinderclient': '#ef8a62',
    'ours': '#2166ac',
    'bare HTTP': '#999999',
}
CASES = ('list', 'list-long', 'list-table', 'list-status', 'list-max-items', 'show', 'delete')
MIB = 2**20


def main() -> None:
    """Draw growth on the left and the other cases on the right."""
    source = Path(sys.argv[1])
    report = json.loads(source.read_text())
    results = report['results']
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.8))
    _draw_growth(left, results, 'cpu', 1, 'CPU seconds of the client')
    left.set(yscale='log')
    _draw_growth(middle, results, 'memory', MIB, 'memory, MiB')
    _draw_cases(right, results)
    facts = report['facts']
    figure.suptitle('openstack volume backup: medians of whole processes', y=0.99)
    figure.text(0.5, 0.01, f'{facts["OSC"]}; {facts["cores"]} cores', ha='center', fontsize=8)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(source.with_suffix('.svg'), metadata={'Date': None})
    figure.savefig(source.with_suffix('.png'), dpi=120)


def _draw_growth(
    axes: Any, results: list[dict[str, Any]], what: str, unit: float, label: str
) -> None:
    """Draw a line for each client over the number of backups, and one for OSC's start."""
    for client, colour in COLOURS.items():
        points = [
            (each['backups'], each[what] / unit)
            for each in results
            if each['case'] == 'list' and each['client'] == client
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker='o', color=colour, label=client)
    for each in results:
        if each['case'] == 'start' and each['client'] == 'OSC':
            height = each[what] / unit
            axes.axhline(height, color='black', linestyle=':', label="OSC's start")
    axes.set(xscale='log', xlabel='backups', ylabel=label, title='list -f json')
    axes.legend()


def _draw_cases(axes: Any, results: list[dict[str, Any]]) -> None:
    """Draw a group of bars for each case, for the largest project that all clients listed."""
    largest = max((each['backups'] for each in results if each['client'] == 'OSC'), default=0)
    for number, (client, colour) in enumerate(COLOURS.items()):
        bars = [
            (place + (number - 1.5) * 0.2, each['cpu'])
            for place, case in enumerate(CASES)
            for each in results
            if (each['case'], each['client']) == (case, client)
            and (each['backups'] == largest or case == 'delete')
        ]
        if bars:
            axes.bar(*zip(*bars, strict=True), width=0.2, color=colour, label=client)
    axes.set(yscale='log', ylabel='CPU seconds of the client', title=f'with {largest:,} backups')
    axes.set_xticks(range(len(CASES)), CASES, rotation=30, ha='right')


if __name__ == '__main__':
    main()
