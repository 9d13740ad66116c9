# SPDX-License-Identifier: Apache-2.0
"""A simulated Block Storage whose backups finish and disappear with a fake clock."""

import re
import urllib.parse
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import requests

from tests.unit.clock import FakeClock
from tests.unit.rows import backup
from tests.unit.shell import CommandTest
from tests.unit.stub import OWN_PROJECT, Answer, Asked, Said, StubCloud

PROJECT = 'os-backup-project-attr:project_id'
INCREMENTALS_EXIST = 'Invalid backup: Incremental backups exist for this backup.'
WRONG_STATUS = 'Invalid backup: Backup status must be available or error.'

FIRST = datetime(2026, 10, 1, 2)  # noqa: DTZ001  # as the API writes it: naive UTC

_ONE = re.compile(r'(GET|DELETE) /backups/([^/?]+)')
_ACTION = re.compile(r'POST /backups/([^/?]+)/action')


class LivingCloud(StubCloud):
    """A cloud that deletes backups as Cinder does: 202, and gone later.

    It refuses a parent while a child of the caller's project is there, in any status. What a test
    prepares with ``on``, ``fail`` or ``refuse`` is said once, before it answers by itself.

    :param takes: how many seconds a deletion takes.
    :param page: how many rows a page of a list has at most.
    """

    def __init__(
        self, clock: FakeClock, *, takes: float = 2.0, page: int = 1000, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._clock = clock
        self._deletes_in = takes
        self._page = page
        #: An event after a page was read.
        self.after_page: Callable[[], object] = lambda: None
        self._rows: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, str] = {}
        self._gone_at: dict[str, float] = {}
        self._lost: set[str] = set()
        self._interrupted: set[str] = set()
        self._later: list[tuple[float, Callable[[], object]]] = []
        #: The largest number of deletions at once.
        self.most_going = 0
        #: IDs of backups whose deletion was refused.
        self.refused: list[str] = []
        #: IDs in the order in which the backups disappeared.
        self.gone: list[str] = []

    def keep(
        self, number: int, parent: str | None = None, project: str = OWN_PROJECT, **changes: Any
    ) -> str:
        """Create the backup with this number, on the day with this number; return its ID."""
        id_ = f'11111111-aaaa-4bbb-8ccc-{number:012}'
        made = FIRST + timedelta(days=number)
        times = {'created_at': _written(made), 'data_timestamp': _written(made)}
        times['updated_at'] = _written(made + timedelta(minutes=1))
        said = {'name': f'b{number}', 'is_incremental': parent is not None, **times, **changes}
        if 'admin' in self.roles:
            said = {PROJECT: project, **said}
        self._rows[id_] = backup(id_, **said)
        if parent is not None:
            self._parents[id_] = parent
            # The counter of dependents.
            self._rows[parent]['updated_at'] = times['updated_at']
        return id_

    def change(self, id_: str, **fields: Any) -> None:
        """Change a backup now."""
        self._rows[id_].update(fields)

    def remove(self, *ids: str) -> None:
        """Delete backups at once, as another user."""
        for id_ in ids:
            self._rows.pop(id_, None)

    def spoil(self, id_: str, **fields: Any) -> None:
        """Let a running deletion end in another way."""
        del self._gone_at[id_]
        self.change(id_, **fields)

    def row(self, id_: str) -> dict[str, Any]:
        """Return a backup as it is now."""
        return dict(self._rows[id_])

    def lose(self, line: str) -> None:
        """Carry out a request once, and break the connection instead of answering."""
        self._lost.add(line)

    def interrupt(self, line: str) -> None:
        """Carry out a request once, and press Ctrl-C before the answer."""
        self._interrupted.add(line)

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        """Run a function at the first request after a number of seconds."""
        self._later.append((self._clock.passed + seconds, happens))

    @property
    def left(self) -> set[str]:
        """The IDs of backups that are neither deleted nor being deleted."""
        return set(self._rows) - set(self._gone_at)

    @property
    def deletions(self) -> list[str]:
        """The IDs of requested deletions, in order."""
        return [line.split('/')[-1] for line in self.lines if line.startswith('DELETE ')]

    def _answer(self, asked: Asked) -> Answer:
        self._live()
        answer = super()._answer(asked)
        if asked.line in self._lost:
            self._lost.discard(asked.line)
            raise requests.exceptions.ConnectionError('Connection reset by peer')
        if asked.line in self._interrupted:
            self._interrupted.discard(asked.line)
            raise KeyboardInterrupt
        return answer

    def _live(self) -> None:
        now = self._clock.passed
        for when, happens in list(self._later):
            if when <= now:
                self._later.remove((when, happens))
                happens()
        for id_, when in list(self._gone_at.items()):
            if when <= now:
                del self._rows[id_], self._gone_at[id_]
                self.gone.append(id_)

    def _next(self, answers: list[Said]) -> Said:
        return answers.pop(0)

    def _unprepared(self, asked: Asked) -> Answer:
        path, _, query = asked.line.partition('?')
        if path == 'GET /backups/detail':
            return self._list(dict(urllib.parse.parse_qsl(query)))
        if path == 'GET /messages':
            return Answer(body={'messages': []})
        one, action = _ONE.fullmatch(path), _ACTION.fullmatch(path)
        if one:
            method, id_ = one.groups()
            return self._show(id_) if method == 'GET' else self._delete(id_, force=False)
        if action and 'os-force_delete' in asked.body:
            return self._delete(action[1], force=True)
        return super()._unprepared(asked)

    def _list(self, query: dict[str, str]) -> Answer:
        everybody = query.pop('all_tenants', None)
        parent = query.pop('parent_id', None)
        marker, limit = query.pop('marker', None), int(query.pop('limit', self._page))
        rows = [
            row
            for row in reversed(self._rows.values())
            if (everybody or self._is_own(row))
            and (parent is None or self._parents.get(row['id']) == parent)
            and all(row[key] == value for key, value in query.items())
        ]
        return self._turn_to(rows, marker, min(limit, self._page))

    def _turn_to(self, rows: list[dict[str, Any]], marker: str | None, size: int) -> Answer:
        """Return a page as Cinder does: a full page has a link even if it is the last."""
        ids = [row['id'] for row in rows]
        if marker is not None and marker not in ids:
            return _refusal(404, f'Backup {marker} could not be found.')
        first = ids.index(marker) + 1 if marker is not None else 0
        page = [dict(row) for row in rows[first : first + size]]
        links = [{'rel': 'next', 'href': ''}] if len(page) == size else []
        self.after_page()
        return Answer(body={'backups': page, 'backups_links': links})

    def _show(self, id_: str) -> Answer:
        row = self._rows.get(id_)
        return _refusal(404, f'Backup {id_} could not be found.') if row is None else _shown(row)

    def _delete(self, id_: str, *, force: bool) -> Answer:
        row = self._rows.get(id_)
        if row is None:
            return _refusal(404, f'Backup {id_} could not be found.')
        if row['status'] not in {'available', 'error'} and not force:
            return self._refuse(id_, WRONG_STATUS)
        children = [child for child, parent in self._parents.items() if parent == id_]
        if any(child in self._rows and self._is_own(self._rows[child]) for child in children):
            return self._refuse(id_, INCREMENTALS_EXIST)
        row['status'] = 'deleting'
        self._gone_at[id_] = self._clock.passed + self._deletes_in
        self.most_going = max(self.most_going, len(self._gone_at))
        return Answer(202)

    def _refuse(self, id_: str, message: str) -> Answer:
        self.refused.append(id_)
        return _refusal(400, message)

    def _is_own(self, row: dict[str, Any]) -> bool:
        return bool(row.get(PROJECT, OWN_PROJECT) == OWN_PROJECT)


def _written(time: datetime) -> str:
    return time.isoformat(timespec='microseconds')


def _shown(row: dict[str, Any]) -> Answer:
    return Answer(body={'backup': row})


def _refusal(status: int, message: str) -> Answer:
    return Answer(status, {'fault': {'code': status, 'message': message}})


class LivingTest(CommandTest):
    """A test of commands against a simulated cloud."""

    cloud: LivingCloud

    def setUp(self) -> None:
        self.use_living()

    def use_living(self, **kwargs: Any) -> LivingCloud:
        """Start a simulated cloud that ends with the test."""
        self.clock = FakeClock()
        self.cloud = LivingCloud(self.clock, **kwargs)
        self.cloud.start()
        self.addCleanup(self.cloud.stop)
        return self.cloud

    def keep_chain(
        self, length: int, *, first: int = 1, project: str = OWN_PROJECT, **changes: Any
    ) -> list[str]:
        """Create a full backup and incremental backups in one chain."""
        ids = [self.cloud.keep(first, project=project, **changes)]
        for number in range(first + 1, first + length):
            ids.append(self.cloud.keep(number, ids[-1], project=project, **changes))
        return ids
