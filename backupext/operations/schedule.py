# SPDX-License-Identifier: Apache-2.0
"""Run works in parallel and in order; each alternately sends requests and waits for the cloud.

Cinder reports no progress: status and object count change together at the end. So the statuses are
polled, less and less often, and those of all works in one list if that takes fewer requests.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, NamedTuple, Protocol

from backupext import errors
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


class _Queue:
    """The works that have not begun, in their order."""

    def __init__(
        self, works: Sequence[Work], after: Mapping[str, Iterable[str]], *, stops_at_failure: bool
    ) -> None:
        self._works = {work.key: work for work in works}
        self._places = {key: place for place, key in enumerate(self._works)}
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

    def next(self) -> Work | None:
        """Remove and return the first work that may begin; None if there is none."""
        if not self._ready:
            return None
        _, key = heapq.heappop(self._ready)
        return self._works.pop(key)

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
        return list(self._works.values())


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
    ) -> Iterator[Done]:
        """Run works, and yield each as it ends.

        :param after: for a work's key, the keys of the works that must end before it begins.
        :param limit: the number of works to run at once; None means no limit.
        :param stops_at_failure: do not begin the works after one that failed.
        :raises StoppedWaitingError: the time limit has passed, or Ctrl-C; the message names what
            may still run and what was not started.
        """
        queue = _Queue(works, after or {}, stops_at_failure=stops_at_failure)
        running: list[_Running] = []
        try:
            yield from self._run(queue, running, limit)
        except errors.StoppedWaitingError as error:
            raise error.with_more(*_unfinished(running, queue)) from error
        except KeyboardInterrupt as error:
            interrupted = errors.InterruptedByUserError('Interrupted')
            raise interrupted.with_more(*_unfinished(running, queue)) from error
        for work in queue.left:
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

    def _run(self, queue: _Queue, running: list[_Running], limit: int | None) -> Iterator[Done]:
        intervals = pauses()
        while True:
            yield from self._begin(queue, running, limit)
            if not running:
                return
            self.patience.pause(next(intervals))
            before = list(running)
            for done in self._look(running):
                queue.end(done)
                yield done
            if running != before:
                intervals = pauses()

    def _begin(self, queue: _Queue, running: list[_Running], limit: int | None) -> Iterator[Done]:
        while limit is None or len(running) < limit:
            work = queue.next()
            if work is None:
                return
            done = self._advance(work, running, next)
            if done:
                queue.end(done)
                yield done

    def _look(self, running: list[_Running]) -> Iterator[Done]:
        """Read the statuses, and continue the works whose wait is over."""
        rows = self._read([each.target for each in running])
        for each in list(running):
            row = rows[each.target.id]
            resume = self._resume(each, row)
            if resume:
                running.remove(each)
                done = self._advance(each.work, running, resume)
                if done:
                    yield done

    def _resume(self, waiting: _Running, row: Row) -> Callable[[Steps], Target] | None:
        """Show a row; return how to continue the work, or None if it must wait."""
        self._reporter.see(waiting.target, row.status or 'unknown' if row else 'deleted', row)
        verdict = waiting.judge(row)
        if verdict is Verdict.WAITING:
            return None
        if verdict is Verdict.REACHED:
            return lambda steps: steps.send(row)
        error = errors.EndedBadlyError(why_missed(self.cloud, waiting.target, row))
        return lambda steps: steps.throw(error)

    def _advance(
        self, work: Work, running: list[_Running], resume: Callable[[Steps], Target]
    ) -> Done | None:
        """Run the steps of a work until it must wait (None) or ends."""
        names = [work.title] if work.title else []
        while True:
            try:
                waiting = _Running(work, resume(work.steps))
            except StopIteration as end:
                return Done(work.key, result=end.value)
            except errors.StoppedWaitingError as error:
                raise error.with_more([] if error.names_something else names) from error
            except KeyboardInterrupt as error:
                raise errors.InterruptedByUserError('Interrupted', names) from error
            except errors.BackupError as error:
                return Done(work.key, error)
            # The row that the work already has may be enough.
            soon = self._resume(waiting, waiting.target.subject)
            if soon is None:
                running.append(waiting)
                return None
            resume = soon

    def _read(self, targets: Sequence[Target]) -> Mapping[str, Row]:
        """Read the targets: one by one, or all backups in one list if that is cheaper.

        The list begins with new backups. A watched one is not read to its end, where those are that
        are being deleted.
        """
        backups = [target.id for target in targets if target.noun == 'backup']
        rows: dict[str, Row] = {
            target.id: self.cloud.read_volume(target.id)
            for target in targets
            if target.noun == 'volume'
        }
        listed = [
            target.id
            for target in targets
            if target.noun == 'backup' and not (self._watch and target.goal is GONE)
        ]
        if len(set(listed)) > (0 if self._watch else self._pages):
            rows.update(self._read_list(listed))
        for id_ in backups:
            # A backup that is not in the list is deleted, or in another project.
            if id_ not in rows:
                rows[id_] = self.cloud.read_backup(id_)
        return rows

    def _read_list(self, ids: Sequence[str]) -> Mapping[str, Backup]:
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


def _unfinished(running: Iterable[_Running], queue: _Queue) -> tuple[list[str], list[str]]:
    return [each.target.how_to_look for each in running], [work.title for work in queue.left]
