# SPDX-License-Identifier: Apache-2.0
"""Run works in parallel and in order; each alternately sends requests and waits for the cloud.

Cinder reports no progress: status and object count change together at the end. So the statuses are
polled, less and less often, and those of all works in one list if that takes fewer requests.

Works advance in threads, each in one at a time. What they have done is processed in the main
thread, in the order of the works.
"""

import heapq
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, NamedTuple, Protocol

from backupext import errors, parallel
from backupext.cloud import Cloud
from backupext.core.goals import GONE, Verdict
from backupext.core.models import Backup
from backupext.operations.patience import Patience, pauses
from backupext.operations.wait import Row, Steps, Target, why_missed

#: Cinder's default limit of rows per page.
_PAGE = 1000
# The rows of a page of a watched list, unless the last poll has read more than half of them: only
# its beginning is of interest.
_SHORT_PAGE = 100


Watch = Callable[[datetime], Callable[[Backup], bool]]


class Reporter(Protocol):
    """Shows statuses to a person."""

    def see(self, target: Target, status: str, row: Row) -> None:
        """Show a status, changed or not."""


class Work(NamedTuple):
    """Something to do, step by step.

    :param key: identifies it in the order of works.
    :param title: names it in a message before it has begun.
    """

    key: str
    title: str
    steps: Steps


class Done(NamedTuple):
    """A work that has ended.

    :param error: why it failed, if it did.
    :param result: what its steps returned.
    :param is_left_out: it was not begun, because a work before it failed.
    """

    key: str
    error: errors.BackupError | None = None
    result: Any = None
    is_left_out: bool = False


class _Running:
    """A work that waits for the cloud, and the earlier statuses of its target."""

    def __init__(self, work: Work, target: Target) -> None:
        self.work = work
        self.target = target
        self._seen: set[str] = set()

    def judge(self, row: Row) -> Verdict:
        """Return whether the wait is over."""
        status = row.status or 'unknown' if row else None
        verdict = self.target.goal.judge(status, self._seen)
        self._seen.add(status or '')
        return verdict


#: Begins or continues the steps of a work, until they yield the next target.
_Resume = Callable[[Steps], Target]


class _Move(NamedTuple):
    """A work to advance, and how."""

    work: Work
    resume: _Resume


class _Moved(NamedTuple):
    """How far a work has advanced: it has ended, or it must wait.

    :param rows: the targets it has had, each with the row by which it was judged.
    """

    state: Done | _Running
    rows: Sequence[tuple[Target, Row]]


class _Progress:
    """The works of a run: those that have not begun, those that advance, and those that wait."""

    def __init__(
        self, works: Sequence[Work], after: Mapping[str, Iterable[str]], *, stops_at_failure: bool
    ) -> None:
        self._left = {work.key: work for work in works}
        self._places = {key: place for place, key in enumerate(self._left)}
        self._advancing: dict[str, Work] = {}
        self.waiting: list[_Running] = []
        self._stops = stops_at_failure
        self._order = TopologicalSorter(
            {
                key: [each for each in after.get(key, ()) if each in self._places]
                for key in self._places
            }
        )
        self._order.prepare()
        self._ready: list[tuple[int, str]] = []
        self._take_ready()

    def take(self, limit: int | None) -> list[Work]:
        """Return the first works that may begin, each only once.

        :param limit: the largest number of works, with those that wait.
        """
        ready = len(self._ready)
        number = ready if limit is None else min(limit - len(self.waiting), ready)
        return [self._left[heapq.heappop(self._ready)[1]] for _ in range(number)]

    def advance(self, work: Work) -> None:
        """Note that a work begins or continues; its thread calls this."""
        self._advancing[work.key] = work
        self._left.pop(work.key, None)

    def halt(self, work: Work) -> None:
        """Note that a work does not advance any more."""
        del self._advancing[work.key]

    def end(self, done: Done) -> None:
        """Allow the works that wait for a finished one to begin."""
        if done.error and self._stops:
            return
        self._order.done(done.key)
        self._take_ready()

    def _take_ready(self) -> None:
        for key in self._order.get_ready():
            heapq.heappush(self._ready, (self._places[key], key))

    @property
    def left(self) -> list[Work]:
        """The works that have not begun."""
        return list(self._left.values())

    @property
    def unfinished(self) -> tuple[list[str], list[str]]:
        """What may still run, and the titles of the works that have not begun."""
        waiting = [each.target.how_to_look for each in self.waiting]
        advancing = sorted(self._advancing.values(), key=lambda work: self._places[work.key])
        titles = [title for work in advancing for title in _title(work)]
        return waiting + titles, [work.title for work in self.left]


class Schedule:
    """Runs works with one patience, and one poll for all of them.

    :param watch: called with the cloud's time before a poll reads the list; returns what to call
        with each backup of the list, awaited or not, the newest first. That returns whether older
        ones are of interest too.
    """

    def __init__(
        self,
        cloud: Cloud,
        patience: Patience,
        reporter: Reporter,
        watch: Watch | None = None,
    ) -> None:
        self.cloud = cloud.patient(patience)
        self.patience = patience
        self._reporter = reporter
        self._watch = watch
        self._pages = 1
        self._page_size = _SHORT_PAGE

    def limited(self, patience: Patience) -> 'Schedule':
        """Return a schedule for the same cloud with another patience."""
        return Schedule(self.cloud, patience, self._reporter)

    def run(
        self,
        works: Sequence[Work],
        after: Mapping[str, Iterable[str]] | None = None,
        *,
        limit: int | None = None,
        stops_at_failure: bool = False,
    ) -> Generator[Done, None, None]:
        """Run works, and yield each as it ends. When the generator is closed, no more works begin.

        :param after: for a work's key, the keys of the works that must end before it begins.
        :param limit: the number of works to run at once; None means no limit.
        :param stops_at_failure: do not begin the works after one that failed.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C; the message names what
            may still run and what was not started.
        """
        progress = _Progress(works, after or {}, stops_at_failure=stops_at_failure)
        try:
            yield from self._run(progress, limit)
        except errors.StoppedWaitingError as error:
            raise error.with_more(*progress.unfinished) from error
        except KeyboardInterrupt as error:
            interrupted = errors.InterruptedByUserError('Interrupted')
            raise interrupted.with_more(*progress.unfinished) from error
        for work in progress.left:
            yield Done(work.key, is_left_out=True)

    def do(self, steps: Steps, title: str = '') -> Any:
        """Run a single work, and return what its steps return.

        :param title: names it in a message.
        :raises BackupError: it failed.
        """
        (done,) = self.run([Work('', title, steps)])
        if done.error:
            raise done.error
        return done.result

    def _run(self, progress: _Progress, limit: int | None) -> Iterator[Done]:
        intervals = pauses()
        while True:
            while works := progress.take(limit):
                yield from self._advance([_Move(work, next) for work in works], progress)
            if not progress.waiting:
                return
            self.patience.pause(next(intervals))
            before = list(progress.waiting)
            yield from self._look(progress)
            if progress.waiting != before:
                intervals = pauses()

    def _look(self, progress: _Progress) -> Iterator[Done]:
        """Read the statuses, and continue the works whose wait is over."""
        rows = self._read([each.target for each in progress.waiting])
        moves: list[_Move] = []
        for each in list(progress.waiting):
            row = rows[each.target.id]
            self._see(each.target, row)
            resume = self._resume(each, row)
            if resume:
                progress.advance(each.work)
                progress.waiting.remove(each)
                moves.append(_Move(each.work, resume))
        yield from self._advance(moves, progress)

    def _see(self, target: Target, row: Row) -> None:
        self._reporter.see(target, row.status or 'unknown' if row else 'deleted', row)

    def _resume(self, waiting: _Running, row: Row) -> _Resume | None:
        """Return how to continue a work after its target was read; None if it must wait."""
        verdict = waiting.judge(row)
        if verdict is Verdict.WAITING:
            return None
        if verdict is Verdict.REACHED:
            return lambda steps: steps.send(row)
        return lambda steps: steps.throw(
            errors.EndedBadlyError(why_missed(self.cloud, waiting.target, row))
        )

    def _advance(self, moves: Sequence[_Move], progress: _Progress) -> Iterator[Done]:
        """Advance works at once; yield those that have ended, in the order of the works.

        :raises StoppedWaitingError: in a work; further ones did not begin.
        """

        def advance(move: _Move) -> _Moved:
            progress.advance(move.work)
            return self._move(move)

        stopped: errors.StoppedWaitingError | None = None
        for (work, _), ended in parallel.run(advance, moves):
            try:
                state, rows = ended.result()
            except errors.StoppedWaitingError as error:
                stopped = _joined(stopped, error, work)
                progress.halt(work)
                continue
            progress.halt(work)
            for target, row in rows:
                self._see(target, row)
            if isinstance(state, Done):
                progress.end(state)
                yield state
            else:
                progress.waiting.append(state)
        if stopped:
            raise stopped

    def _move(self, move: _Move) -> _Moved:
        """Run the steps of a work until it must wait or ends; this may be in any thread."""
        work, resume = move
        rows: list[tuple[Target, Row]] = []
        while True:
            try:
                waiting = _Running(work, resume(work.steps))
            except StopIteration as end:
                return _Moved(Done(work.key, result=end.value), rows)
            except errors.StoppedWaitingError:
                raise
            except errors.BackupError as error:
                return _Moved(Done(work.key, error), rows)
            # The row that the work already has may be enough.
            row = waiting.target.subject
            rows.append((waiting.target, row))
            soon = self._resume(waiting, row)
            if soon is None:
                return _Moved(waiting, rows)
            resume = soon

    def _read(self, targets: Sequence[Target]) -> Mapping[str, Row]:
        """Read the targets: one by one, or all backups in one list if that is cheaper.

        The list begins with new backups. A watched one is not read to its end, where those are that
        are being deleted.
        """
        listed = {
            target.id
            for target in targets
            if target.noun == 'backup' and not (self._watch and target.goal is GONE)
        }
        rows: dict[str, Row] = {}
        if len(listed) > (0 if self._watch else self._pages):
            rows.update(self._read_list(listed))
        # A backup that is not in the list is deleted, or in another project.
        others = {target.id: target for target in targets if target.id not in rows}
        read = parallel.answers(self._read_one, list(others.values()))
        rows.update(zip(others, read, strict=True))
        return rows

    def _read_one(self, target: Target) -> Row:
        read = self.cloud.read_backup if target.noun == 'backup' else self.cloud.read_volume
        return read(target.id)

    def _read_list(self, ids: Collection[str]) -> Mapping[str, Backup]:
        """Read the list until it has shown all wanted backups, and all watched ones."""
        see = self._watch(self.cloud.time) if self._watch else None
        found: dict[str, Backup] = {}
        missing, rows = set(ids), 0
        for backup in self.cloud.list_backups({}, page_size=self._page_size if see else None):
            rows += 1
            if backup.id in missing:
                missing.remove(backup.id)
                found[backup.id] = backup
            is_watching = see is not None and see(backup)
            if not (missing or is_watching):
                break
        self._page_size = min(_PAGE, max(_SHORT_PAGE, 2 * rows))
        self._pages = max(1, -(-rows // _PAGE))
        return found


def _title(work: Work) -> list[str]:
    return [work.title] if work.title else []


def _joined(
    first: errors.StoppedWaitingError | None, later: errors.StoppedWaitingError, work: Work
) -> errors.StoppedWaitingError:
    """Return one error for the works that have stopped, with the names of all of them."""
    named = later if later.names_something else later.with_more(_title(work))
    return named.with_more(first.running, first.not_started, first.advice) if first else named
