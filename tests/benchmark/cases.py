# SPDX-License-Identifier: Apache-2.0
"""The table of cases: a case is one task, with the arguments of each client."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.benchmark import data
from tests.benchmark.bare import LONG
from tests.benchmark.data import Project
from tests.benchmark.measure import Rival
from tests.benchmark.stub import Stub
from tests.sandbox import Sandbox

BARE_SCRIPT = Path(__file__).with_name('bare.py')
MICROVERSION = '3.71'

OURS, OSC, CINDER, BARE = 'ours', 'OSC', 'cinderclient', 'bare HTTP'
NOBODY = '00000000-0000-4000-8000-000000000000'

#: From this number of backups on, OSC takes many minutes and is left out; cinderclient runs once.
MANY = 50_000


class Case(NamedTuple):
    """A task, with the arguments of each client; None if the client cannot do it.

    ``same``: the clients that print JSON must print the same, to the byte. ``new``: OSC has no such
    command.
    """

    name: str
    openstack: Sequence[str]
    cinder: Sequence[str] | None = None
    bare: Sequence[str] | None = None
    same: bool = False
    new: bool = False
    status: int = 0
    deletes: bool = False


class Clients(NamedTuple):
    """The path and the environment variables of each client."""

    osc: Path
    cinder: Path | None
    with_plugin: Mapping[str, str]
    without: Mapping[str, str]


#: OSC's start: with `token issue` it loads every command of every plugin, reads the configuration,
#: makes the SDK's connection and authenticates, and does nothing else. `--version` and `help` stop
#: before most of that. `start-show` adds what a built-in Block Storage command loads and asks
#: at least: the discovery of the service, and one look-up in vain.
START, START_SHOW = 'start', 'start-show'
LIST, LIST_LONG, LIST_TABLE, CHECK = 'list', 'list-long', 'list-table', 'check'
STARTS = (
    Case(START, ['token', 'issue', '-f', 'value', '-c', 'expires']),
    Case(START_SHOW, ['volume', 'backup', 'show', NOBODY], status=1),
)

#: The import of the plugin, without a command.
IMPORTS = 'imports'

#: Over a long line: requests of independent works are in flight at once.
LINE = ('line-delete', 'line-prune', 'line-tree', 'line-export')
LINE_CINDER = 'line-delete-cinder'
#: Some volumes have a newest backup that cannot be restored, so the status is 2.
_CHECKED = ('--max-age', '9999d', '--max-chain', '3')
#: Commands that hold all backups or sum them up; their cost for each one must not grow.
SCALE = {
    'scale-list': ['list'],
    'scale-summary': ['summary'],
    'scale-tree': ['tree'],
    'scale-prune': ['prune', '--all-volumes', '--keep-last', '2', '--dry-run'],
    'scale-check': ['check', '--all-volumes', *_CHECKED],
    'scale-rotate': ['rotate', '--all-volumes', '--keep-last', '2', '--dry-run'],
}

NAMES = (
    *(START, START_SHOW, 'version', 'help', IMPORTS, LIST, LIST_LONG, LIST_TABLE),
    *('list-status', 'list-name', 'list-volume', 'list-max-items', 'show', CHECK, 'delete'),
    *(*LINE, LINE_CINDER, *SCALE),
)


def of_project(project: Project) -> list[Case]:
    """List the cases in a project."""
    backup = ['volume', 'backup']
    as_json = [*backup, 'list', '-f', 'json']
    plain = Case(LIST, as_json, ['backup-list'], ['list'], same=True)
    if project.backups >= MANY:
        return [plain]
    name, volume = project.backup_name, project.volume_id
    # The plugin's long list has more columns.
    columns = [word for column in LONG for word in ('-c', column)]
    return [
        plain,
        Case(LIST_LONG, [*as_json, '--long', *columns], None, ['list', '--long'], same=True),
        Case(LIST_TABLE, [*backup, 'list'], ['backup-list']),
        _filtered('list-status', '--status', 'status', 'error'),
        _filtered('list-name', '--name', 'name', name),
        _filtered('list-volume', '--volume', 'volume_id', volume),
        Case(
            'list-max-items',
            [*as_json, '--max-items', '10'],
            ['backup-list', '--limit', '10'],
            ['list', '--most', '10'],
            same=True,
        ),
        Case(
            'show',
            [*backup, 'show', name, '-f', 'json'],
            ['backup-show', name],
            ['show', name],
        ),
        Case(CHECK, [*backup, 'check', '--all-volumes', *_CHECKED], new=True, status=2),
        delete('delete'),
    ]


def delete(name: str) -> Case:
    """Return the case of deleting the doomed backups by name."""
    doomed = [f'doomed-{number:03}' for number in range(data.DOOMED)]
    return Case(
        name,
        ['volume', 'backup', 'delete', *doomed],
        ['backup-delete', *doomed],
        ['delete', *doomed],
        deletes=True,
    )


def of_line(volume: str, folder: Path) -> list[Case]:
    """List the cases over a long line.

    :param volume: the ID of the volume whose backups are deleted or exported.
    :param folder: the folder for the exported records.
    """
    backup = ['volume', 'backup']
    export = ['record', 'export', '--volume', volume, '--output-file', str(folder / 'records.json')]
    keep = ['--volume', volume, '--keep-last', '1', '--auto-approve', '--concurrency', '100']
    return [
        delete('line-delete'),
        Case('line-prune', [*backup, 'prune', *keep], None, ['prune', volume], deletes=True),
        Case('line-tree', [*backup, 'tree', '--exact', '-f', 'json'], None, ['tree']),
        Case('line-export', [*backup, *export], None, ['export', volume]),
    ]


def of_scale() -> list[Case]:
    """List the cases that show how the cost grows with the number of backups."""
    return [
        Case(
            name,
            ['volume', 'backup', *command, '-f', 'json'],
            status=2 if name == 'scale-check' else 0,
        )
        for name, command in SCALE.items()
    ]


def _filtered(name: str, option: str, key: str, value: str) -> Case:
    return Case(
        name,
        ['volume', 'backup', 'list', '-f', 'json', option, value],
        ['backup-list', '--filters', f'{key}={value}'],
        ['list', '--query', json.dumps({key: value})],
        same=True,
    )


def rivals(case: Case, clients: Clients, box: Sandbox, project: Project) -> list[Rival]:
    """Return the commands of a case, one for each client."""
    many = project.backups >= MANY
    found = _rivals(case, clients, project.environment, many=many)
    if case.deletes:
        before = partial(data.put_doomed, box, project)
        after = partial(data.wait_until_deleted, box, project)
        found = [replace(rival, before=before, after=after) for rival in found]
    return found


def rivals_on_line(case: Case, clients: Clients, stub: Stub) -> list[Rival]:
    """Return the commands of a case over a long line; the slow clients run once."""
    found = _rivals(case, clients, stub.environment)
    return [
        replace(rival, before=stub.restore, cold=rival.name != OURS)
        for rival in found
        if rival.name != OSC
    ]


def rivals_through(
    port: int, case: Case, clients: Clients, box: Sandbox, project: Project
) -> list[Rival]:
    """Return the commands of a case that reach Block Storage through a port."""
    override = {'OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE': f'http://127.0.0.1:{port}/v3'}
    return [
        replace(rival, environment={**rival.environment, **override}, cold=rival.name != OURS)
        for rival in rivals(case, clients, box, project)
        if rival.name in {OURS, BARE}
    ]


def ours(case: Case, clients: Clients, stub: Stub) -> Rival:
    """Return the plugin's command of a case."""
    return _rivals(case, clients, stub.environment)[0]


def _rivals(
    case: Case, clients: Clients, account: Mapping[str, str], *, many: bool = False
) -> list[Rival]:
    openstack = [str(clients.osc.with_name('openstack')), *case.openstack]
    found = [Rival(OURS, openstack, {**clients.with_plugin, **account}, case.status)]
    others = {**clients.without, **account}
    if not many and not case.new:
        found.append(Rival(OSC, openstack, others, case.status))
    if case.cinder and clients.cinder:
        cinder = [str(clients.cinder.with_name('cinder')), '--os-volume-api-version', MICROVERSION]
        found.append(Rival(CINDER, [*cinder, *case.cinder], others, cold=many))
    if case.bare:
        bare = [str(clients.osc), '-I', str(BARE_SCRIPT), *case.bare]
        found.append(Rival(BARE, bare, others))
    return found


def environment(home: Path, path: Path) -> dict[str, str]:
    """Return variables with a separate home, where stevedore keeps its cache as in a user's home.

    Nothing of the caller's configuration comes along.
    """
    return {
        'HOME': str(home),
        'XDG_CACHE_HOME': str(home / '.cache'),
        'LANG': 'C.UTF-8',
        'PATH': os.environ['PATH'],
        'PYTHONPATH': str(path),
    }
