# SPDX-License-Identifier: Apache-2.0
"""The command line of the benchmark: `python -m tests.benchmark`."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmark import cases, data, environments, measure, report, tax
from tests.benchmark.cases import CINDER, OSC, OURS, STARTS, Case, Clients
from tests.benchmark.data import Project
from tests.benchmark.measure import Result
from tests.benchmark.stub import Stub
from tests.functional import faults
from tests.functional.client import ROOT
from tests.sandbox import Sandbox

SIZES = [1_000, 10_000, 100_000]
RUNS = 5
#: A difference of one hundredth needs many pairs.
TAX_PAIRS = 6
#: Reading 10,000 backups takes a tenth of a second, so growth needs many runs, too.
SCALE_RUNS = 3
NAME = 'benchmark'
#: The seconds by which each answer is late over a long line.
DELAY = 0.1
#: The number of backups of which 200 may have children.
LINE_BACKUPS = 270


class Benchmark:
    """One run: the clients, and the measurements so far."""

    def __init__(self, clients: Clients, runs: int, only: Sequence[str]) -> None:
        self._clients, self._runs, self._only = clients, runs, only
        self.results: dict[tuple[str, int], dict[str, Result]] = {}
        self.taxes: dict[str, tax.Tax] = {}
        self.imports: tax.Imports | None = None

    @property
    def needs_cinder(self) -> bool:
        """Whether some case needs a real Cinder."""
        return not self._only or not {*cases.LINE, *cases.SCALE}.issuperset(self._only)

    def measure(self, box: Sandbox, sizes: Sequence[int]) -> None:
        """Measure the cases with a real Cinder, cheap ones first."""
        self._box = box
        projects = [data.make_project(box, size) for size in sorted(sizes)]
        self._measure_starts(projects[0])
        self._measure_imports()
        for project in projects:
            for case in cases.of_project(project):
                # The 200 deletions look up names; the number of other backups matters little.
                if self._is_wanted(case.name) and not (case.deletes and project != projects[0]):
                    self._measure(case, project)

        if self._is_wanted(cases.LINE_CINDER):
            self._measure_cinder_on_line(projects[0])

    def measure_line(self) -> None:
        """Measure over a long line, in front of a cloud that needs no time."""
        wanted = [name for name in cases.LINE if self._is_wanted(name)]
        if not wanted:
            return
        stub = Stub(LINE_BACKUPS, data.DOOMED + 1, DELAY)
        with contextlib.closing(stub), tempfile.TemporaryDirectory() as folder:
            for case in cases.of_line(stub.doomed_volume, Path(folder)):
                if case.name in wanted:
                    _say(case.name)
                    rivals = cases.rivals_on_line(case, self._clients, stub)
                    self.results[case.name, 0] = measure.compare(rivals, self._runs)

    def measure_scale(self, sizes: Sequence[int]) -> None:
        """Measure how the cost of the plugin grows, with a cloud that needs no time."""
        wanted = [case for case in cases.of_scale() if self._is_wanted(case.name)]
        if not wanted:
            return
        with contextlib.ExitStack() as stack:
            stubs = {size: stack.enter_context(contextlib.closing(Stub(size))) for size in sizes}
            for case in wanted:
                _say(case.name)
                rivals = [
                    replace(cases.ours(case, self._clients, stub), name=f'{size}')
                    for size, stub in stubs.items()
                ]
                # The sizes take turns: the speed of a machine changes within minutes.
                results = measure.compare(rivals, self._runs * SCALE_RUNS)
                for size in sorted(sizes):
                    self.results[case.name, size] = {OURS: results[f'{size}']}

    def _measure_cinder_on_line(self, project: Project) -> None:
        _say(cases.LINE_CINDER)
        with contextlib.closing(faults.Proxy(self._box.volume_url)) as proxy:
            proxy.script('.*', forever=faults.delay(DELAY))
            case = cases.delete(cases.LINE_CINDER)
            rivals = cases.rivals_through(proxy.port, case, self._clients, self._box, project)
            self.results[case.name, 0] = measure.compare(rivals, self._runs)

    def _is_wanted(self, name: str) -> bool:
        return not self._only or name in self._only

    def _measure(self, case: Case, project: Project) -> None:
        _say(f'{case.name}, {project.backups:,} backups')
        rivals = cases.rivals(case, self._clients, self._box, project)
        results = measure.compare(rivals, self._runs)
        if case.same:
            _check_same(case, results)
        self.results[case.name, project.backups] = results

    def _measure_starts(self, project: Project) -> None:
        account = project.environment
        pairs = self._runs * TAX_PAIRS
        if self._is_wanted(cases.START_SHOW):
            _say(cases.START_SHOW)
            case = next(case for case in STARTS if case.name == cases.START_SHOW)
            rivals = cases.rivals(case, self._clients, self._box, project)
            self.results[case.name, 0] = measure.compare(rivals, self._runs)
        start = next(case.openstack for case in STARTS if case.name == cases.START)
        for name, arguments in {**tax.COMMANDS, cases.START: start}.items():
            if self._is_wanted(name):
                _say(f'{name}: {pairs} pairs with the plugin and without')
                results = tax.pairs(arguments, self._clients, account, pairs)
                self.results[name, 0] = results
                self.taxes[name] = tax.judge(results)

    def _measure_imports(self) -> None:
        if self._is_wanted(cases.IMPORTS):
            _say(cases.IMPORTS)
            self.imports = tax.imports(self._clients, self._runs * TAX_PAIRS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the results; return the exit status."""
    parsed = _parser().parse_args(arguments)
    parsed.output.mkdir(parents=True, exist_ok=True)
    facts = environments.machine()
    with tempfile.TemporaryDirectory(prefix='backupext-benchmark-') as folder:
        clients = _clients(parsed.plugin, Path(folder))
        benchmark = Benchmark(clients, parsed.runs, parsed.only)
        benchmark.measure_line()
        benchmark.measure_scale(parsed.backups)
        if benchmark.needs_cinder:
            with Sandbox.start() as box:
                benchmark.measure(box, parsed.backups)
    facts['load after'] = f'{os.getloadavg()[0]:.2f}'
    _write(parsed.output, benchmark, {**_releases(clients), **facts})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmark',
        description='Compare the plugin with OSC, cinderclient and bare HTTP.',
    )
    parser.add_argument(
        '--backups',
        type=_sizes,
        default=SIZES,
        metavar='N,N',
        help='Sizes of the projects (default: 1000,10000,100000)',
    )
    parser.add_argument(
        '--runs',
        type=_positive,
        default=RUNS,
        help='Number of runs of each command (default: %(default)s; of slow ones at most '
        f'{measure.FEW}; of pairs with and without the plugin {TAX_PAIRS} times, and of growing '
        f'projects {SCALE_RUNS} times as many)',
    )
    parser.add_argument(
        '--output',
        type=Path,
        default=ROOT / 'build' / NAME,
        metavar='DIR',
        help='Folder for the report and the plot (default: %(default)s)',
    )
    parser.add_argument(
        '--only',
        action='append',
        choices=cases.NAMES,
        help='Measure this case only (repeat option for several cases)',
    )
    parser.add_argument(
        '--plugin',
        type=Path,
        default=ROOT,
        metavar='DIR',
        help='Checkout with the plugin to measure (default: this one)',
    )
    return parser


def _sizes(text: str) -> list[int]:
    return [_positive(size) for size in text.split(',')]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('must be 1 or greater')
    return number


def _clients(checkout: Path, folder: Path) -> Clients:
    paths = environments.place_plugin(checkout, folder)
    home = folder / 'home'
    home.mkdir()
    return Clients(
        environments.osc(),
        environments.cinderclient(),
        cases.environment(home, paths.with_plugin),
        cases.environment(home, paths.without),
    )


def _releases(clients: Clients) -> dict[str, str]:
    """Return the measured releases of each client."""
    pythons = {OSC: clients.osc, CINDER: clients.cinder}
    return {
        client: ', '.join(
            f'{name} {version}' for name, version in environments.versions(python).items()
        )
        for client, python in pythons.items()
        if python
    }


def _check_same(case: Case, results: dict[str, Result]) -> None:
    """Check that all clients did the same, so that their costs can be compared."""
    outputs = {name: result.output for name, result in results.items() if name != CINDER}
    if len(set(outputs.values())) != 1:
        raise RuntimeError(f'{case.name}: {", ".join(outputs)} do not print the same')
    json.loads(outputs[OURS])


def _write(folder: Path, benchmark: Benchmark, facts: dict[str, str]) -> None:
    measured = (facts, benchmark.results, benchmark.taxes, benchmark.imports)
    text = report.text(*measured)
    sys.stdout.write(text)
    folder.joinpath(f'{NAME}.txt').write_text(text)
    source = folder / f'{NAME}.json'
    source.write_text(json.dumps(report.as_json(*measured), indent=2) + '\n')
    python = environments.matplotlib()
    if python is None:
        _say('The plot is left out: there is no matplotlib.')
        return
    subprocess.run([python, '-I', Path(__file__).with_name('plot.py'), source], check=True)


def _say(sentence: str) -> None:
    sys.stderr.write(f'{sentence}\n')


if __name__ == '__main__':
    sys.exit(main())
