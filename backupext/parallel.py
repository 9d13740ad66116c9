# SPDX-License-Identifier: Apache-2.0
"""Run independent calls at once, in a few threads.

The threads are daemons, so Ctrl-C ends a command even if a server never answers. A thread pool of
the standard library would wait for them. Python raises KeyboardInterrupt in the main thread only;
the others raise it in :func:`check`, which they call before and after each request and pause.
"""

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from backupext import errors

Item = TypeVar('Item')
Answer = TypeVar('Answer')

#: The largest number of calls at once: ``requests`` keeps as many connections to a server open.
LIMIT = 10

#: After a call raises one of these, no more calls begin.
_STOPS = (errors.StoppedWaitingError, KeyboardInterrupt)

# A signal that comes just before a wait does not end it: the main thread looks up after as many
# seconds.
_GLANCE = 0.5

_thread = threading.local()


class Ended(Generic[Answer]):
    """A call that has ended, with an answer or an exception."""

    def __init__(self, call: Callable[[Item], Answer], item: Item) -> None:
        """Make the call."""
        self.error: BaseException | None = None
        try:
            self._answer = call(item)
        except BaseException as error:  # noqa: BLE001  # result() raises it
            self.error = error

    def result(self) -> Answer:
        """Return the answer, or raise the exception."""
        if self.error:
            raise self.error
        return self._answer


def run(
    call: Callable[[Item], Answer],
    items: Sequence[Item],
    *,
    ends_with: type[BaseException] | tuple[type[BaseException], ...] = _STOPS,
) -> Iterator[tuple[Item, Ended[Answer]]]:
    """Call a function once for each item; yield each item and its ended call, in their order.

    A single item is done in this thread. Calls within such a call are made one after another, so
    the limit applies to all of them together.

    :param ends_with: after a call raises such an exception, no more calls begin; what did not begin
        is not yielded. Another exception does not affect the other calls.
    :raises InterruptedByUserError: Ctrl-C, after all calls that have ended were yielded.
    """
    if len(items) > 1 and not _is_in_batch():
        yield from _Batch(call, items, ends_with).run()
        return
    for item in items:
        ended = Ended(call, item)
        yield item, ended
        if isinstance(ended.error, ends_with):
            return


def answers(call: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
    """Call a function once for each item; return the answers, in the order of the items.

    :raises BaseException: what the first call that failed has raised; no more calls begin.
    """
    return [ended.result() for _, ended in run(call, items, ends_with=BaseException)]


def check() -> None:
    """Raise KeyboardInterrupt in a thread if nobody waits for its call any more."""
    if _is_in_batch() and _thread.batch.is_abandoned:
        raise KeyboardInterrupt


def _is_in_batch() -> bool:
    return hasattr(_thread, 'batch')


class _Batch(Generic[Item, Answer]):
    """Calls that share a few threads."""

    def __init__(
        self,
        call: Callable[[Item], Answer],
        items: Sequence[Item],
        ends_with: type[BaseException] | tuple[type[BaseException], ...],
    ) -> None:
        self._call = call
        self._items = items
        self._ends_with = ends_with
        self._waiting = deque(range(len(items)))
        #: The calls that have ended and were not yielded, by their places.
        self._ended: dict[int, Ended[Answer]] = {}
        #: How many threads have ended: each sends 0 after a call, and 1 at its end.
        self._news: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._threads = 0
        self.is_abandoned = False

    def run(self) -> Iterator[tuple[Item, Ended[Answer]]]:
        try:
            while self._threads < min(LIMIT, len(self._items)):
                threading.Thread(target=self._work, daemon=True).start()
                self._threads += 1
            for place, item in enumerate(self._items):
                while place not in self._ended and self._threads:
                    with contextlib.suppress(queue.Empty):
                        self._threads -= self._news.get(timeout=_GLANCE)
                if place not in self._ended:
                    return  # it did not begin, nor did those after it
                yield item, self._ended.pop(place)
        except KeyboardInterrupt as error:
            self._abandon()
            for place in sorted(self._ended):
                yield self._items[place], self._ended[place]
            raise errors.InterruptedByUserError('Interrupted') from error
        finally:
            self._abandon()

    def _work(self) -> None:
        """Make calls until none is left; this runs in each thread."""
        _thread.batch = self
        while self._waiting:
            try:
                place = self._waiting.popleft()
            except IndexError:
                break  # another thread was faster
            ended = Ended(self._call, self._items[place])
            if isinstance(ended.error, self._ends_with):
                self._waiting.clear()
            self._ended[place] = ended
            self._news.put(0)
        self._news.put(1)

    def _abandon(self) -> None:
        self.is_abandoned = True
        self._waiting.clear()
