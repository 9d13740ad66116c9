# SPDX-License-Identifier: Apache-2.0
"""Waiting until backups and volumes have got where they are going.

The cloud works on its own time and says nothing meanwhile: status and object count change together
at the end. So the statuses are read again and again, less and less often, all of a batch at once
where that is cheaper. What passes on its own (a restarted server, a lost connection, too many
requests) is waited out and told once.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from backupext import errors
from backupext.cloud import Cloud, ask_once
from backupext.core.models import Backup, Volume
from backupext.core.text import one_sentence
from backupext.core.timespec import format_duration

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_GROWTH = 1.5

T = TypeVar('T')


class Clock(NamedTuple):
    """The passing of time, in seconds; injected so that tests need not wait."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class Target:
    """A backup or a volume, and where it is to get.

    :param wanted: statuses that end the wait well; none: it is to be gone.
    :param failed: statuses that end it badly.
    """

    subject: Backup | Volume
    wanted: frozenset[str] = frozenset({'available'})
    failed: frozenset[str] = frozenset({'error'})

    @property
    def id(self) -> str:
        """The ID of the backup or volume."""
        return self.subject.id

    @property
    def noun(self) -> str:
        """What it is."""
        return 'backup' if isinstance(self.subject, Backup) else 'volume'

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f'{self.noun} {self.subject}'

    @property
    def question(self) -> str:
        """The command that shows how it stands."""
        noun = 'volume backup' if self.noun == 'backup' else 'volume'
        return f'openstack {noun} show {self.id}'


def until_available(subject: Backup | Volume) -> Target:
    """Wait for a backup to be made or checked, or for a volume to be restored."""
    return Target(subject, failed=frozenset({'error', 'error_restoring'}))


def until_gone(backup: Backup) -> Target:
    """Wait for a backup to be deleted."""
    return Target(backup, wanted=frozenset(), failed=frozenset({'error', 'error_deleting'}))


def target(backup: Backup, status: str | None) -> Target:
    """Wait for a status, or until a backup is gone (None)."""
    if status is None:
        return until_gone(backup)
    ends = {'error', 'error_deleting', 'error_restoring'} - {status}
    return Target(backup, frozenset({status}), frozenset(ends))


class Outcome(NamedTuple):
    """How a wait ended: what the cloud showed last (None: gone), and why that is a failure."""

    target: Target
    last: Backup | Volume | None
    failure: str | None = None


class Reporter(Protocol):
    """Tells a person how things stand."""

    def see(self, target: Target, status: str, row: Backup | Volume | None) -> None:
        """Take note of a status, changed or not."""

    def say(self, sentence: str) -> None:
        """Tell something that is worth a line."""


class Waiter:
    """Waits with one clock and one time limit, however many things it is asked to wait for.

    :param timeout: seconds; None is for ever.
    """

    def __init__(
        self, cloud: Cloud, reporter: Reporter, clock: Clock, timeout: float | None = None
    ) -> None:
        self._cloud = cloud
        self._reporter = reporter
        self._clock = clock
        self._timeout = timeout
        self._deadline = None if timeout is None else clock.now() + timeout
        self._told = False
        self._introduced: set[str] = set()
        self._pages = 1

    def wait(self, targets: Sequence[Target]) -> list[Outcome]:
        """Wait for all; give the outcomes in the order in which they came.

        :raises TimedOutError: the time limit has passed.
        :raises InterruptedByUserError: Ctrl-C.
        """
        return [outcome for some in self.settle(targets) for outcome in some]

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Have the cloud asked patiently for all that is only read, also before there is a wait."""
        self._cloud.patience = lambda ask: self.patiently(ask, ())
        try:
            yield
        finally:
            self._cloud.patience = ask_once

    def wait_or_fail(self, targets: Sequence[Target]) -> None:
        """Wait for all.

        :raises BackupError: one or more failed; the message says which, and why.
        """
        failures = [outcome.failure for outcome in self.wait(targets) if outcome.failure]
        if failures:
            raise errors.BackupError(' '.join(failures))

    def wait_and_tell(
        self, targets: Sequence[Target], fail: Callable[[errors.BackupError], None]
    ) -> None:
        """Wait for all, what may be there already included, and tell failures as they come."""
        self._introduce(targets)
        settled, pending = self._settled(targets)
        for outcomes in itertools.chain([settled], self.settle(pending)):
            for outcome in outcomes:
                if outcome.failure:
                    fail(errors.BackupError(outcome.failure))

    def _settled(self, targets: Sequence[Target]) -> tuple[list[Outcome], list[Target]]:
        outcomes, pending = [], []
        for target in targets:
            outcome = self._judge(target, target.subject)
            if outcome:
                outcomes.append(outcome)
            else:
                pending.append(target)
        return outcomes, pending

    def settle(self, targets: Iterable[Target]) -> Iterator[list[Outcome]]:
        """Give outcomes as they come; what the consumer adds to the list is waited for too."""
        pending = targets if isinstance(targets, list) else list(targets)
        pauses = _pauses()
        while pending:
            self._introduce(pending)
            self.pause(next(pauses), pending)
            try:
                outcomes = self._look(pending)
            except KeyboardInterrupt as error:
                raise errors.InterruptedByUserError(_interrupted(pending)) from error
            if outcomes:
                done = {outcome.target.id for outcome in outcomes}
                pending[:] = [target for target in pending if target.id not in done]
                pauses = _pauses()
                yield outcomes

    def _introduce(self, targets: Iterable[Target]) -> None:
        """Show what is waited for from now on, before the first wait."""
        for target in targets:
            if target.id not in self._introduced:
                self._introduced.add(target.id)
                self._reporter.see(target, target.subject.status or 'requested', target.subject)

    def pause(self, seconds: float, pending: Sequence[Target]) -> None:
        """Sleep, but not past the time limit.

        :raises TimedOutError: there is no time left.
        :raises InterruptedByUserError: Ctrl-C.
        """
        if self._deadline is not None:
            left = self._deadline - self._clock.now()
            if left <= 0:
                raise errors.TimedOutError(self._timed_out(pending))
            seconds = min(seconds, left)
        try:
            self._clock.sleep(seconds)
        except KeyboardInterrupt as error:
            raise errors.InterruptedByUserError(_interrupted(pending)) from error

    def patiently(self, request: Callable[[], T], pending: Sequence[Target]) -> T:
        """Send a request that may be repeated, again and again while the cloud cannot answer."""
        for pause in _pauses():
            try:
                return request()
            except errors.RequestError as error:
                if not error.is_transient:
                    raise
                self._tell_once(error)
                self.pause(max(pause, error.retry_after or 0), pending)
            except KeyboardInterrupt as error:
                raise errors.InterruptedByUserError(_interrupted(pending)) from error
        raise AssertionError('pauses never end')

    def _tell_once(self, error: errors.RequestError) -> None:
        if not self._told:
            told = str(error).replace('; try again later', '')
            self._reporter.say(f'{told} Waiting for the cloud to answer again.')
        self._told = True

    def _look(self, pending: Sequence[Target]) -> list[Outcome]:
        rows = self.patiently(lambda: self._read(pending), pending)
        outcomes = []
        for target in pending:
            row = rows[target.id]
            self._reporter.see(target, _status(row), row)
            outcome = self._judge(target, row)
            if outcome:
                outcomes.append(outcome)
        return outcomes

    def _read(self, pending: Sequence[Target]) -> Mapping[str, Backup | Volume | None]:
        """Read how things stand: one by one, or all backups in as many pages as that takes."""
        volumes = [target.id for target in pending if target.noun == 'volume']
        backups = [target.id for target in pending if target.noun == 'backup']
        rows: dict[str, Backup | Volume | None] = {}
        for id_ in volumes:
            rows[id_] = self._cloud.read_volume(id_)
        if len(backups) > self._pages:
            rows.update(self._read_list(backups))
        for id_ in backups:
            # What is not in the list is gone, or another project's.
            if id_ not in rows:
                rows[id_] = self._cloud.read_backup(id_)
        return rows

    def _read_list(self, ids: Sequence[str]) -> Mapping[str, Backup]:
        listed = list(self._cloud.backups({}))
        self._pages = max(1, -(-len(listed) // 1000))
        wanted = set(ids)
        return {backup.id: backup for backup in listed if backup.id in wanted}

    def _judge(self, target: Target, row: Backup | Volume | None) -> Outcome | None:
        if row is None:
            failure = f'{_capital(target)} has vanished.' if target.wanted else None
            return Outcome(target, None, failure)
        if row.status in target.wanted:
            return Outcome(target, row)
        if row.status in target.failed:
            return Outcome(target, row, self._why(target, row))
        return None

    def _why(self, target: Target, row: Backup | Volume) -> str:
        """Say how something failed: in what status, the service's reason, and its message."""
        reason = row.fail_reason if isinstance(row, Backup) else None
        message = self._cloud.user_message(row.id)
        if reason and message and reason.rstrip('.') in message:
            reason = None
        told = '; '.join(one_sentence(each) for each in (reason, message) if each)
        return f'{_capital(target)} is in status {row.status}{": " if told else ""}{told}.'

    def _timed_out(self, pending: Sequence[Target]) -> str:
        after = format_duration(self._timeout or 0)
        return f'Timed out after {after}; nothing is cancelled{_still(pending)}.'


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _status(row: Backup | Volume | None) -> str:
    return 'deleted' if row is None else row.status or 'unknown'


def _capital(target: Target) -> str:
    text = str(target)
    return text[0].upper() + text[1:]


def _interrupted(pending: Sequence[Target]) -> str:
    return f'Interrupted; nothing is cancelled{_still(pending)}.'


def _still(pending: Sequence[Target]) -> str:
    named = ', '.join(f'{target} (see: {target.question})' for target in pending)
    return f': {named}' if named else ''
