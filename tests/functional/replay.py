# SPDX-License-Identifier: Apache-2.0
"""Replays transcripts of the documentation in a sandbox, so that they cannot go stale.

A comment directly above a transcript marks it, and names the scenario to prepare::

    .. replayed: chain, as an administrator

    .. code-block:: console

       $ openstack volume backup list

Transcripts of a page that name the same scenario share a session: each continues where the previous
one ended, unless its mark says "from the beginning". The other parts of a mark are circumstances
that apply to this transcript only. IDs, times and ports may differ between the page and the
sandbox, but one ID of the page always stands for one ID of the sandbox. A line ``...`` stands for
any output.

``make transcripts`` corrects the pages.
"""

import doctest
import os
import re
import shlex
import textwrap
import unittest
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

from tests import releases
from tests.functional.client import ROOT, with_plugin
from tests.functional.faults import Fault, Proxy, answer, lose_answer
from tests.functional.masks import Numbering, masked
from tests.functional.scenarios import SCENARIOS, Stage
from tests.restructuredtext import Block, Step, blocks, steps

#: The environment variable that has the pages corrected instead of compared.
CORRECT = 'CORRECT_TRANSCRIPTS'

_MARK = 'replayed: '
_RESTART = 'from the beginning'
#: Shell variables are not set.
_VARIABLE = re.compile(r'\$\w+')
_OMISSION = re.compile(r'^ *\.\.\.$', re.MULTILINE)
_CHECKER = doctest.OutputChecker()


class Mark(NamedTuple):
    """What the comment above a transcript says."""

    scenario: str
    circumstances: tuple[str, ...]
    restart: bool = False

    @classmethod
    def of(cls, block: Block) -> 'Mark | None':
        """Read the mark of a block, if it has one."""
        if not block.comment.startswith(_MARK):
            return None
        scenario, *parts = block.comment.removeprefix(_MARK).split(', ')
        circumstances = tuple(part for part in parts if part != _RESTART)
        return cls(scenario, circumstances, _RESTART in parts)


class Session:
    """A project in which commands are typed, and the IDs that stand for each other."""

    def __init__(self, scenario: str) -> None:
        self.stage = Stage()
        SCENARIOS[scenario](self.stage)
        self._page, self._sandbox = Numbering(), Numbering()

    def type(self, command: str, environment: dict[str, str]) -> str:
        """Run a command of a page in the sandbox, and return what it prints."""
        # An ID that no transcript has shown yet is used as it is.
        self._page.masked(command)
        self._sandbox.ids += self._page.ids[len(self._sandbox.ids) :]
        command = self._page.translated(command, self._sandbox)
        program, *arguments = shlex.split(_VARIABLE.sub('', command))
        if program != 'openstack':
            raise ValueError(f'Only openstack can be replayed, not {program}.')
        printed = with_plugin().seen(arguments, environment)
        self.stage.settle()
        return printed

    def masked(self, shown: str, printed: str) -> tuple[str, str]:
        """Mask what a page shows and what a command printed, for comparison."""
        if _OMISSION.search(shown):  # the omitted lines may have introduced IDs
            return masked(shown).rstrip(), masked(printed).rstrip()
        masked_texts = self._page.masked(shown).rstrip(), self._sandbox.masked(printed).rstrip()
        # Where the texts differ, one of them may have more IDs than the other.
        del self._page.ids[len(self._sandbox.ids) :]
        self._page.ids += self._sandbox.ids[len(self._page.ids) :]
        return masked_texts

    def for_page(self, printed: str) -> str:
        """Replace the IDs of the sandbox by those of the page."""
        return self._sandbox.translated(printed, self._page)


#: Applies to one transcript, and provides the environment of its commands.
Circumstance = Callable[[Stage], AbstractContextManager[dict[str, str]]]


@contextmanager
def as_an_administrator(stage: Stage) -> Iterator[dict[str, str]]:
    """Run the commands as an administrator of another project."""
    yield stage.admin


@contextmanager
def without_a_backup_service(stage: Stage) -> Iterator[dict[str, str]]:
    """Move the volumes to an availability zone without a backup service."""
    statement = 'UPDATE volumes SET availability_zone = ? WHERE project_id = ?'
    stage.sql(statement, 'elsewhere', stage.project.id)
    try:
        yield stage.member
    finally:
        stage.sql(statement, 'nova', stage.project.id)


def with_a_fault(request: str, fault: Fault) -> Circumstance:
    """Make the first request fail that matches a pattern."""

    @contextmanager
    def circumstance(stage: Stage) -> Iterator[dict[str, str]]:
        proxy = Proxy(stage.box.volume_url)
        proxy.script(request, fault)
        try:
            yield proxy.environment(stage.project.member)
        finally:
            proxy.close()

    return circumstance


CIRCUMSTANCES: dict[str, Circumstance] = {
    'as an administrator': as_an_administrator,
    'without a backup service': without_a_backup_service,
    'with one answer of 503': with_a_fault('GET /backups/.+', answer(503)),
    'with a lost answer': with_a_fault('POST .+', lose_answer),
}


@unittest.skipUnless(releases.is_newest(), 'The pages show what the newest OSC prints.')
class ReplayTest(unittest.TestCase):
    """Replays the transcripts of a page."""

    maxDiff = None
    #: The path of the page in the checkout.
    page: str

    def setUp(self) -> None:
        self.sessions: dict[str, Session] = {}

    def test_commands_print_what_the_page_shows(self) -> None:
        for block, mark in marked(self.page):
            text = self.replayed(block, mark)
            if os.environ.get(CORRECT):
                correct(self.page, block, text)

    def replayed(self, block: Block, mark: Mark) -> str:
        """Replay a transcript, and return it with the current output."""
        session = self.session(mark)
        with ExitStack() as stack:
            environment = session.stage.member
            for name in mark.circumstances:
                environment = stack.enter_context(CIRCUMSTANCES[name](session.stage))
            return ''.join(self.step(step, session, environment) for step in steps(block))

    def session(self, mark: Mark) -> Session:
        """Continue the session of a scenario, or begin one."""
        if mark.restart or mark.scenario not in self.sessions:
            session = Session(mark.scenario)
            self.addCleanup(session.stage.clear)
            self.sessions[mark.scenario] = session
        return self.sessions[mark.scenario]

    def step(self, step: Step, session: Session, environment: dict[str, str]) -> str:
        """Replay one command."""
        printed = session.type(step.command, environment)
        shown, seen = session.masked(step.shown, printed)
        if _CHECKER.check_output(shown, seen, doctest.ELLIPSIS):
            return f'$ {step.typed}\n{step.shown}'
        if not os.environ.get(CORRECT):
            with self.subTest(step.command):
                self.assertEqual(shown, seen, 'Correct the page with: make transcripts')
        now = session.for_page(printed).rstrip()
        return f'$ {step.typed}\n{now}\n' if now else f'$ {step.typed}\n'


def marked(path: str) -> list[tuple[Block, Mark]]:
    """Find the transcripts of a page that have a mark."""
    found = [(block, Mark.of(block)) for block in blocks((ROOT / path).read_text('utf-8'))]
    return [(block, mark) for block, mark in found if mark]


def correct(path: str, block: Block, text: str) -> None:
    """Replace a transcript in a page."""
    page = ROOT / path
    old, new = (textwrap.indent(each, block.indent) for each in (block.text, text))
    page.write_text(page.read_text('utf-8').replace(old, new, 1), 'utf-8')
