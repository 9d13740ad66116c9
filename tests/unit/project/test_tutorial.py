# SPDX-License-Identifier: Apache-2.0
"""The page on adding a command is followed, word for word, in a copy of the checkout.

Commands that need a network, a cloud or a minute are left out.
"""

import ast
import configparser
import doctest
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.restructuredtext import Block, Step, blocks, steps
from tests.unit.project import inventory

PAGE = Path('doc', 'source', 'contributor', 'adding-a-command.rst')
FOLDERS = ('backupext', 'contrib', 'doc', 'releasenotes', 'tests')
NOT_COPIED = shutil.ignore_patterns('__pycache__', 'build')
#: mypy takes seconds with its cache of the checkout, and a minute without.
MEMORY = '.mypy_cache'
CACHE = 'cache'

PYTHON = '.venvs/test/bin/python'
INSTALL = f'{PYTHON} -m pip install '
NEW_NOTE = '.venvs/test/bin/reno new '
#: Commands that are run in the copy.
FOLLOWED = (f'{PYTHON} -m unittest tests.unit.', f'{PYTHON} -m unittest -k ', 'echo ', 'sed ')
#: Commands that are not run: they need a network, a cloud, git, or a minute.
NOT_FOLLOWED = (
    *(f'{PYTHON} -m tests.sandbox ', f'{PYTHON} -m unittest tests.functional.'),
    *('make ', 'git ', 'unset ', 'openstack ', '.venvs/test/bin/openstack '),
)
SIXTEEN_DIGITS = '0123456789abcdef'


def file_of(block: Block) -> str:
    """Return the file in the caption of a block, if it has one."""
    return block.options.get('caption', '').replace('...', '*')


def is_edit(block: Block) -> bool:
    """Return whether a block changes a file that exists."""
    return 'emphasize-lines' in block.options


def anchor(block: Block) -> str:
    """Return the lines of an edit that the file already has: those without a mark."""
    first, _, last = block.options['emphasize-lines'].partition('-')
    marked = range(int(first) - 1, int(last or first))
    there = [line for place, line in enumerate(block.lines) if place not in marked]
    return ''.join(f'{line}\n' for line in there)


def insert(text: str, block: Block) -> str:
    """Add the marked lines of a block to a file's text."""
    result, times = _replaced(text, anchor(block), block.text)
    if times != 1:
        raise AssertionError(f'{file_of(block)} does not have these lines, once:\n{anchor(block)}')
    return result


def take_out(text: str, block: Block) -> str:
    """Remove the marked lines of a block from a file's text, if they are in it."""
    return _replaced(text, block.text, anchor(block))[0]


def _replaced(text: str, lines: str, others: str) -> tuple[str, int]:
    """Replace lines by others, and return how often they were found."""
    return re.subn(f'^{re.escape(lines)}', lambda _: others, text, flags=re.MULTILINE)


class Copy:
    """A copy of the checkout, as it is before somebody follows the page."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path in inventory.ROOT.iterdir():
            if path.is_file():
                shutil.copy2(path, root)
        for folder in (*FOLDERS, MEMORY):
            if (inventory.ROOT / folder).is_dir():
                shutil.copytree(inventory.ROOT / folder, root / folder, ignore=NOT_COPIED)
        # In an sdist, setuptools has rewritten the file with tabs.
        configuration = root / 'setup.cfg'
        configuration.write_text(configuration.read_text('utf-8').expandtabs(4), 'utf-8')
        self.page = list(blocks((inventory.ROOT / PAGE).read_text('utf-8')))
        for block in self.page:
            self._undo(block)
        # stevedore caches entry points, and does not notice a change within two minutes.
        memory = root / CACHE / 'python-entrypoints'
        memory.mkdir(parents=True)
        (memory / '.disable').touch()
        self.install()

    def _undo(self, block: Block) -> None:
        """Remove the lines of the page from a checkout in which it was followed."""
        for path in self.root.glob(file_of(block)) if file_of(block) else ():
            if is_edit(block):
                path.write_text(take_out(path.read_text('utf-8'), block), 'utf-8')
                self._expect_nothing_of(block, path)
            else:
                path.unlink()

    def _expect_nothing_of(self, block: Block, path: Path) -> None:
        """Raise an error if lines of the page remain, because others were inserted between them."""
        left = [line for line in block.text.splitlines() if 'pending' in line.lower()]
        for line in left:
            if re.search(f'^{re.escape(line)}$', path.read_text('utf-8'), re.MULTILINE):
                raise AssertionError(
                    f'{file_of(block)} has this line of the page, but not between the lines that '
                    f'the page names; see "Before your own command" there:\n{line}'
                )

    def write(self, block: Block) -> None:
        """Apply a block to the copy."""
        if is_edit(block):
            path = self.path(block)
            path.write_text(insert(path.read_text('utf-8'), block), 'utf-8')
        elif '*' in file_of(block):
            self.path(block).write_text(block.text, 'utf-8')
        else:
            (self.root / file_of(block)).write_text(block.text, 'utf-8')

    def path(self, block: Block) -> Path:
        """Return the file that a caption names."""
        (path,) = self.root.glob(file_of(block))
        return path

    def install(self) -> None:
        """Write the entry points of the copy, as an installation does."""
        folder = self.root / 'backupext-0.dist-info'
        folder.mkdir(exist_ok=True)
        (folder / 'METADATA').write_text('Metadata-Version: 2.1\nName: backupext\nVersion: 0\n')
        config = configparser.ConfigParser()
        config.read(self.root / 'setup.cfg', encoding='utf-8')
        groups = [f'[{group}]{lines}\n' for group, lines in config['entry_points'].items()]
        (folder / 'entry_points.txt').write_text('\n'.join(groups))

    def run(self, command: str) -> str:
        """Run a command line in the copy, and return its output."""
        environment = {key: value for key, value in os.environ.items() if key[:3] != 'OS_'}
        environment |= {'PYTHONPATH': str(self.root), 'XDG_CACHE_HOME': str(self.root / CACHE)}
        result = subprocess.run(
            command.replace(PYTHON, shlex.quote(sys.executable)),
            shell=True,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return result.stdout

    def follow(self, step: Step) -> str | None:
        """Run a step and return its output; None if it is left out."""
        if step.command.startswith(INSTALL):
            self.install()
        elif step.command.startswith(NEW_NOTE):
            name = f'{step.command.split()[-1]}-{SIXTEEN_DIGITS}.yaml'
            (self.root / 'releasenotes' / 'notes' / name).touch()
        elif step.command.startswith(FOLLOWED):
            return self.run(step.command)
        return None


def has(tool: str) -> bool:
    """Return whether a tool is installed beside the tests."""
    return importlib.util.find_spec(tool) is not None


class TutorialTest(unittest.TestCase):
    copy: Copy
    #: The command lines that were run, with their output.
    seen: list[tuple[Step, str]]

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix='backupext-tutorial-')
        cls.addClassCleanup(folder.cleanup)
        cls.copy = Copy(Path(folder.name))
        cls.seen = []
        for block in cls.copy.page:
            if file_of(block):
                cls.copy.write(block)
            elif block.language == 'console':
                cls._follow(block)

    @classmethod
    def _follow(cls, block: Block) -> None:
        for step in steps(block):
            printed = cls.copy.follow(step)
            if printed is not None:
                cls.seen.append((step, printed))

    def files(self) -> list[Path]:
        """List the Python files that the page writes or changes."""
        named = {file_of(block) for block in self.copy.page if file_of(block).endswith('.py')}
        return [self.copy.root / name for name in sorted(named)]

    def test_output_is_as_the_page_shows(self) -> None:
        checker = doctest.OutputChecker()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        for step, printed in self.seen:
            with self.subTest(step.command):
                # The number of skipped tests depends on the machine.
                seen = re.sub(r' \(skipped=\d+\)|, skipped=\d+', '', printed)
                matches = checker.check_output(step.shown, seen, flags)
                self.assertTrue(matches, f'it says:\n{step.shown}\nand one sees:\n{printed}')

    def test_page_was_followed(self) -> None:
        commands = [step.command for step, _ in self.seen]
        own = f'{PYTHON} -m unittest tests.unit.commands.test_pending'
        self.assertEqual(commands.count(own), 2)
        self.assertTrue(self.seen[0][0].shown.endswith('FAILED (failures=9)\n'))

    def test_every_command_line_is_known(self) -> None:
        known = (INSTALL, NEW_NOTE, *FOLLOWED, *NOT_FOLLOWED)
        for block in self.copy.page:
            for step in steps(block) if block.language == 'console' else ():
                with self.subTest(step.command):
                    self.assertTrue(step.command.startswith(known))

    def test_every_make_target_exists(self) -> None:
        makefile = (inventory.ROOT / 'Makefile').read_text('utf-8')
        targets = set(re.findall(r'^([a-z-]+):', makefile, re.MULTILINE))
        for block in self.copy.page:
            for step in steps(block) if block.language == 'console' else ():
                if step.command.startswith('make '):
                    with self.subTest(step.command):
                        self.assertLessEqual(set(step.command.split()[1:]), targets)

    def test_every_file_parses(self) -> None:
        for path in self.files():
            with self.subTest(path.name):
                ast.parse(path.read_text('utf-8'), feature_version=(3, 10))

    def test_entry_point_can_be_loaded(self) -> None:
        script = (
            'from importlib.metadata import entry_points; '
            f'(found,) = entry_points(group="{inventory.COMMANDS}", name="volume_backup_pending"); '
            'print(found.load().__doc__)'
        )
        printed = self.copy.run(f"{PYTHON} -c '{script}'")
        self.assertEqual(
            printed, 'List volume backups that are being created, restored or deleted.\n'
        )

    @unittest.skipUnless(has('ruff'), 'ruff is not installed')
    def test_style_is_accepted(self) -> None:
        names = ' '.join(shlex.quote(str(path)) for path in self.files())
        for command in ('check --no-cache --quiet', 'format --no-cache --quiet --check'):
            with self.subTest(command):
                self.assertEqual(self.copy.run(f'{PYTHON} -m ruff {command} {names}'), '')

    @unittest.skipUnless(has('mypy'), 'mypy is not installed')
    @unittest.skipUnless((inventory.ROOT / MEMORY).is_dir(), 'mypy has not seen this checkout yet')
    def test_types_are_accepted(self) -> None:
        names = ' '.join(str(path.relative_to(self.copy.root)) for path in self.files())
        self.assertIn('Success: no issues found', self.copy.run(f'{PYTHON} -m mypy {names}'))


class EditTest(unittest.TestCase):
    """How a block of the page changes a file."""

    EDIT = Block('python', {'emphasize-lines': '2'}, ['    first', '    second', '', 'third'])

    def test_marked_lines_are_inserted_and_removed(self) -> None:
        before = 'zero\n    first\n\nthird\nfourth\n'
        after = 'zero\n    first\n    second\n\nthird\nfourth\n'
        self.assertEqual(insert(before, self.EDIT), after)
        self.assertEqual(take_out(after, self.EDIT), before)
        self.assertEqual(take_out(before, self.EDIT), before)

    def test_missing_place_is_noticed(self) -> None:
        for text in ('zero\n', 'x    first\n\nthird\n', 2 * '    first\n\nthird\n'):
            with self.subTest(text), self.assertRaises(AssertionError):
                insert(text, self.EDIT)
