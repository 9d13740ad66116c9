# SPDX-License-Identifier: Apache-2.0
"""A rotation that runs night after night on the model of Cinder, and what may happen between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from hypothesis import strategies as st

from backupext.core import labels, retention, rotation
from backupext.core.models import Backup, Volume
from backupext.core.quota import Limits
from backupext.core.rotation import Action, Policy, Step
from tests.unit.core.histories import EVENTS, SECOND, Cloud

UTC = timezone.utc
PROJECT = 'project-0'
SELECTED = ('volume-0', 'volume-1')

_DAY = timedelta(days=1)
#: How long a backup takes.
_DURATIONS = (timedelta(seconds=2), timedelta(minutes=7), timedelta(hours=3))
#: From one event of a day to the next.
_GAPS = (timedelta(), timedelta(minutes=1), timedelta(hours=2))
#: When a run begins, after the time of the first.
_JITTERS = (timedelta(), timedelta(seconds=40), timedelta(minutes=20))
_NEVER = datetime.min.replace(tzinfo=UTC)

#: How far the clock of the backup host is behind where parents can be inferred: less than a backup
#: takes, or it is ahead.
AGREEING = tuple(timedelta(seconds=number) for number in (0, 1, -5, -60))
#: How far it is where they cannot.
HOURS = (timedelta(hours=-2), timedelta(seconds=5), timedelta(minutes=5), timedelta(hours=2))


class Attempt(NamedTuple):
    """A backup that a rotation requested, and the truth about it at that moment.

    :param id: None if Cinder refused.
    :param policy: that of the rotation.
    :param is_sound: whether all that it builds on can be restored.
    :param length: the number of backups in its chain.
    :param age: the age of the full backup of its chain, at the beginning of the run.
    """

    step: Step
    id: str | None
    policy: Policy
    is_sound: bool = True
    length: int = 1
    age: timedelta = timedelta()


class Pruning(NamedTuple):
    """What a rotation deleted of a volume, and the truth about it.

    :param label: that of the rotation.
    :param needed: what was to be deleted although something that was kept builds on it.
    :param refused: what Cinder did not delete.
    :param lost: what was kept, but has lost its data.
    """

    label: str
    deleted: Sequence[Backup]
    needed: set[str]
    refused: set[str]
    lost: set[str]


@dataclass
class Job:
    """A rotation of two volumes.

    :param failures: how likely it is that a backup fails.
    """

    cloud: Cloud
    policy: Policy
    keep: retention.Policy | None
    failures: float = 0.0
    began: datetime = _NEVER
    attempts: list[Attempt] = field(default_factory=list, repr=False)
    prunings: list[Pruning] = field(default_factory=list, repr=False)

    @property
    def now(self) -> datetime:
        """The time of the API."""
        return self.cloud.now.replace(tzinfo=UTC)

    def volumes(self) -> list[Volume]:
        """Return the volumes as the API shows them."""
        busy = {
            row.volume_id
            for row in self.cloud.made.values()
            if row.status == 'creating' and not row.snapshot_id
        }
        return [
            Volume(
                id_,
                status='backing-up' if id_ in busy else 'available',
                size=self.cloud.sizes.get(id_, 1),
            )
            for id_ in SELECTED
        ]

    def rows(self) -> list[Backup]:
        """Return the backups that the user sees."""
        return [row for row in self.cloud.rows() if row.project_id == PROJECT]

    def plan(self) -> list[Step]:
        """Return what a run would do now."""
        return rotation.plan(self.volumes(), self.rows(), self.policy, Limits(), self.now, UTC)

    def run(self) -> list[Step]:
        """Run, and return what was done."""
        self.began = self.now
        steps = self.plan()
        for step in steps:
            if step.action is Action.BACK_UP:
                self._back_up(step)
            elif step.backup and step.action is Action.ADOPT:
                self._end(step.backup.id)
        return steps

    def attempts_at(self, volume: str) -> list[Backup]:
        """Return the backups of the label, the oldest first."""
        own = (row for row in self.rows() if labels.label_of(row) == self.policy.label)
        return sorted(
            (row for row in own if row.volume_id == volume), key=lambda row: row.created_at or ''
        )

    def find_obsolete(self, made: Backup) -> list[Backup]:
        """Return what to delete for a new backup, where an administrator sees all projects."""
        rows = [row for row in self.cloud.rows() if row.volume_id == made.volume_id]
        decisions = rotation.find_obsolete(rows, made, self.policy.label, self.keep, self.now, UTC)
        return [each.backup for each in decisions]

    def _back_up(self, step: Step) -> None:
        id_ = self.cloud.create(
            step.volume.id,
            PROJECT,
            is_incremental=step.is_incremental,
            container=self.policy.container or 'backups',
            metadata=labels.properties(
                self.policy.label, 'run', labels.Origin(), parent=step.parent
            ),
        )
        self.attempts.append(self._judge(step, id_))
        if id_ is not None:
            self._end(id_)

    def _judge(self, step: Step, id_: str | None) -> Attempt:
        parent = id_ and self.cloud.parent(id_)
        if not parent:
            return Attempt(step, id_, self.policy)
        chain = [parent, *self.cloud.ancestors(parent)]
        began = min(self.cloud.made[each].created or self.now for each in chain)
        sound = self.cloud.can_be_restored(parent)
        return Attempt(step, id_, self.policy, sound, len(chain) + 1, self.began - began)

    def _end(self, id_: str) -> None:
        """Let a backup end in one way or another, or go on."""
        cloud = self.cloud
        cloud.now += cloud.random.choice(_DURATIONS)
        luck = cloud.random.random()
        if luck < self.failures:
            cloud.fail(id_)
        elif luck >= self.failures * 1.5:
            cloud.finish(id_)
        if cloud.made[id_].status == 'available':
            self._prune(cloud.made[id_])

    def _prune(self, made: Backup) -> None:
        cloud = self.cloud
        obsolete = self.find_obsolete(made)
        ids = {row.id for row in obsolete}
        needed = {
            id_ for each in cloud.made if each not in ids for id_ in cloud.ancestors(each) & ids
        }
        images = dict(cloud.images)
        refused = next(({row.id} for row in obsolete if not cloud.delete(row.id)), set())
        lost = {id_ for volume, id_ in images.items() if cloud.images.get(volume) != id_} - ids
        self.prunings.append(Pruning(self.policy.label, obsolete, needed, refused, lost))


def pass_a_day(cloud: Cloud, events: Sequence[str] = EVENTS) -> None:
    """Let people and other jobs do this and that until the next night."""
    night = cloud.now + _DAY
    for _ in range(cloud.random.randint(0, 6)):
        cloud.now += cloud.random.choice(_GAPS)
        cloud.happen(cloud.random.choice(events))
    if cloud.random.random() < 0.1:
        volume = cloud.random.choice(SELECTED)
        cloud.sizes[volume] = cloud.sizes.get(volume, 1) + 1
    cloud.now = max(night, cloud.now) + cloud.random.choice(_JITTERS)


def _policy(
    label: str,
    full_every: timedelta,
    full_on: frozenset[int],
    max_chain: int | None,
    container: str | None,
) -> Policy:
    return Policy(label, full_every, full_on, max_chain, container=container)


policies = st.builds(
    _policy,
    label=st.just('nightly'),
    full_every=st.sampled_from([_DAY, 3 * _DAY, 7 * _DAY, 100 * _DAY]),
    full_on=st.sampled_from([frozenset[int]()] * 3 + [frozenset({1}), frozenset({2, 6})]),
    max_chain=st.none() | st.integers(1, 4),
    container=st.sampled_from([None, None, 'vault']),
)
#: A second rotation of the same volumes.
others = st.builds(
    _policy,
    label=st.just('other'),
    full_every=st.just(4 * _DAY),
    full_on=st.just(frozenset[int]()),
    max_chain=st.none() | st.just(2),
    container=st.none(),
)
rules = st.builds(
    retention.Policy,
    last=st.integers(0, 3),
    full=st.integers(0, 2),
    counts=st.dictionaries(st.sampled_from(['daily', 'weekly']), st.integers(1, 3), max_size=2),
    protect=st.just(()),
    allow_empty=st.booleans(),
)


@st.composite
def jobs(
    draw: st.DrawFn, events: Sequence[str] = EVENTS, lags: Iterable[timedelta] = AGREEING
) -> Job:
    """Draw a rotation that has run for some nights, beside another one that ran on some."""
    random = draw(st.randoms(use_true_random=False))
    cloud = Cloud(
        random,
        draw(st.sampled_from([1, SECOND])),
        is_old=draw(st.booleans()),
        is_ceph=draw(st.booleans()),
        lag=draw(st.sampled_from(list(lags))),
    )
    failures = draw(st.sampled_from([0, 0.2, 0.5]))
    job = Job(cloud, draw(policies), draw(st.none() | rules), failures)
    other = Job(cloud, draw(others), draw(st.none() | rules), failures)
    for _ in range(draw(st.integers(0, 8))):
        job.run()
        if cloud.random.random() < 0.3:
            cloud.now += timedelta(hours=1)
            other.run()
        pass_a_day(cloud, events)
    job.attempts += other.attempts
    job.prunings += other.prunings
    return job
