# SPDX-License-Identifier: Apache-2.0
"""The report: a table of medians, one of ratios, and one of goals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.benchmark.cases import BARE, CHECK, LINE, LINE_CINDER, LIST, OSC, OURS, SCALE, START
from tests.benchmark.measure import Result
from tests.benchmark.tax import Imports, Tax

MIB = 2**20
#: The goals are for 10,000 backups; three sizes show whether the cost grows linearly.
FEW, SOME, LARGE = 1_000, 10_000, 100_000

#: By case and number of backups (0 if that does not matter), then by client.
Results = Mapping[tuple[str, int], Mapping[str, Result]]


class Goal(NamedTuple):
    """A figure of the plugin and its limit; ``most`` is None if there is no limit."""

    text: str
    figure: float
    most: float | None

    @property
    def verdict(self) -> str:
        """Return the verdict in a word."""
        if self.most is None:
            return ''
        return 'met' if self.figure <= self.most else 'missed'


def text(
    facts: Mapping[str, str], results: Results, taxes: Mapping[str, Tax], imports: Imports | None
) -> str:
    """Write the report."""
    parts = ['What was measured on what', *(f'  {key}: {value}' for key, value in facts.items())]
    parts += ['', 'Medians of whole processes; memory is the most that was resident', '']
    parts += _table(('case', 'backups', *_MEDIAN_HEADERS), _medians(results))
    parts += ['', 'Ratios: the cost of each other client, divided by that of the plugin', '']
    parts += _table(('case', 'backups', 'client', 'CPU', 'wall', 'memory'), _ratios(results))
    if taxes:
        parts += ['', 'The tax of the plugin on a command that has nothing to do with it', '']
        parts += _table(_TAX_HEADERS, _taxes(taxes))
    if imports:
        parts += ['', _imports(imports)]
    found = goals(results, taxes, imports)
    if found:
        rows = [(goal.text, f'{goal.figure:.3f}', _bound(goal), goal.verdict) for goal in found]
        parts += ['', 'Goals', '', *_table(('figure', 'is', 'at most', ''), rows)]
    return '\n'.join(parts) + '\n'


def goals(results: Results, taxes: Mapping[str, Tax], imports: Imports | None) -> list[Goal]:
    """Return the measured figures that have a goal."""
    start = results.get((START, 0), {}).get(OSC)
    few, some, large = (results.get((LIST, size)) for size in (FEW, SOME, LARGE))
    found = []
    if start and some:
        found += _goals_of_list(SOME, start, some, bound=True)
    if start and large:
        found += _goals_of_list(LARGE, start, large, bound=False)
    check = results.get((CHECK, SOME))
    if some and check:
        figure = check[OURS].cpu / some[OURS].cpu
        found.append(Goal(f'check of {SOME:,}: CPU / that of list', figure, 1.2))
    if few and some and large:
        for client in (OURS, BARE):
            costs = [each[client].cpu for each in (few, some, large)]
            found.append(Goal(f'linear growth: {client}', _growth(*costs), None))
    found += [*_goals_of_line(results), *_goals_of_scale(results)]
    for name, tax in taxes.items():
        found.append(Goal(f'tax on `{name}`: CPU with / without, - 1', tax.share, 0.01))
    if imports:
        found.append(Goal('importing the plugin: ms of CPU', imports.seconds * 1000, 3))
    return found


def _goals_of_line(results: Results) -> Iterator[Goal]:
    for name in (*LINE, LINE_CINDER):
        measured = results.get((name, 0), {})
        for client in measured:
            if client != OURS:
                share = measured[OURS].wall / measured[client].wall
                # The time that Cinder itself needs cannot be shared.
                most = None if name == LINE_CINDER else 0.2
                yield Goal(f'{name}: wall / {client}', share, most)


def _goals_of_scale(results: Results) -> Iterator[Goal]:
    for name in SCALE:
        sizes = [results.get((name, size)) for size in (FEW, SOME, LARGE)]
        measured = [each[OURS] for each in sizes if each]
        if len(measured) == len(sizes):
            cpu = _growth(*(each.cpu for each in measured))
            memory = _growth(*(each.memory for each in measured))
            yield Goal(f'{name}: growth of CPU per row', cpu, 1.2)
            yield Goal(f'{name}: growth of memory per row', memory, 1.2)


def _goals_of_list(
    size: int, start: Result, results: Mapping[str, Result], *, bound: bool
) -> list[Goal]:
    plugin, bare = results[OURS], results[BARE]
    figures = [
        ("CPU / (OSC's start + bare HTTP)", plugin.cpu / (start.cpu + bare.cpu), 1.3),
        (
            "memory / (OSC's start + output)",
            plugin.memory / (start.memory + plugin.size),
            1.3,
        ),
        ("wall / (OSC's start + bare HTTP)", plugin.wall / (start.wall + bare.wall), 1.1),
    ]
    return [
        Goal(f'list of {size:,}: {name}', figure, most if bound else None)
        for name, figure, most in figures
    ]


def _growth(few: float, some: float, large: float) -> float:
    """Compare the cost of one more backup among many and among few: 1 is linear."""
    return ((large - some) / (LARGE - SOME)) / ((some - few) / (SOME - FEW))


_MEDIAN_HEADERS = ('client', 'runs', 'CPU s', 'wall s', 'memory MiB', 'output MiB')
_TAX_HEADERS = ('command', 'pairs', 'CPU s', 'more ms', 'half of the pairs', 'share')


def _medians(results: Results) -> Iterable[tuple[str, ...]]:
    for (case, backups), clients in results.items():
        for client, result in clients.items():
            yield (
                *(case, f'{backups:,}' if backups else '', client, str(len(result.samples))),
                *(f'{result.cpu:.3f}', f'{result.wall:.3f}'),
                *(f'{result.memory / MIB:.1f}', f'{result.size / MIB:.2f}'),
            )


def _ratios(results: Results) -> Iterable[tuple[str, ...]]:
    for (case, backups), clients in results.items():
        plugin = clients[OURS]
        for client, result in clients.items():
            if client == OURS:
                continue
            yield (
                *(case, f'{backups:,}' if backups else '', client),
                *(f'{result.cpu / plugin.cpu:.2f}', f'{result.wall / plugin.wall:.2f}'),
                f'{result.memory / plugin.memory:.2f}',
            )


def _taxes(taxes: Mapping[str, Tax]) -> Iterable[tuple[str, ...]]:
    for name, tax in taxes.items():
        yield (
            *(name, str(tax.pairs), f'{tax.without:.3f}', f'{tax.more * 1000:.1f}'),
            *(f'{tax.low * 1000:.1f} to {tax.high * 1000:.1f}', f'{tax.share:.2%}'),
        )


def _imports(imports: Imports) -> str:
    foreign = [name for name in imports.modules if name.partition('.')[0] != 'backupext']
    also = f' ({", ".join(foreign)} among them)' if foreign else ''
    return (
        f'Importing the plugin in process: {imports.seconds * 1000:.2f} ms of CPU, half of '
        f'{imports.processes} processes {imports.low * 1000:.2f} to {imports.high * 1000:.2f}, '
        f'{len(imports.modules)} modules{also}.'
    )


def _bound(goal: Goal) -> str:
    return '' if goal.most is None else f'{goal.most}'


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Align columns: text left, figures right."""
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headers))]
    figures = [
        all(not line[place] or line[place][0] in '-0123456789' for line in lines[1:])
        for place in range(len(headers))
    ]
    lines.insert(1, ['-' * width for width in widths])
    return [
        '  '.join(
            cell.rjust(width) if is_figure else cell.ljust(width)
            for cell, width, is_figure in zip(line, widths, figures, strict=True)
        ).rstrip()
        for line in lines
    ]


def as_json(
    facts: Mapping[str, str], results: Results, taxes: Mapping[str, Tax], imports: Imports | None
) -> dict[str, Any]:
    """Return all results with every single run, for the plot and for a closer look."""
    return {
        'facts': dict(facts),
        'results': [
            {
                'case': case,
                'backups': backups,
                'client': client,
                'cpu': result.cpu,
                'wall': result.wall,
                'memory': result.memory,
                'output': result.size,
                'samples': [sample._asdict() for sample in result.samples],
            }
            for (case, backups), clients in results.items()
            for client, result in clients.items()
        ],
        'taxes': {name: {**tax._asdict(), 'share': tax.share} for name, tax in taxes.items()},
        'imports': imports._asdict() if imports else None,
        'goals': [
            {**goal._asdict(), 'verdict': goal.verdict} for goal in goals(results, taxes, imports)
        ],
    }
