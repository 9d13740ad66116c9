# SPDX-License-Identifier: Apache-2.0
"""Tests of the sdist and the wheel that ``make dist`` builds from the current commit."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

from tests.unit.project import inventory

#: Files that pbr generates from git for an sdist.
GENERATED = {'AUTHORS', 'ChangeLog', 'PKG-INFO'}
EGG_INFO = re.compile(r'backupext\.egg-info/[\w.-]+')

DIST_INFO = {'METADATA', 'RECORD', 'WHEEL', 'entry_points.txt', 'pbr.json', 'top_level.txt'}
LICENCES = {'licenses/AUTHORS', 'licenses/LICENSE'}


def build(folder: Path) -> dict[str, Path]:
    """Build both archives into a folder; return each by the end of its name."""
    subprocess.run(['make', '--silent', 'dist', f'DIST={folder}'], cwd=inventory.ROOT, check=True)
    sdist, wheel = sorted(folder.iterdir(), key=lambda path: path.suffix)
    return {'sdist': sdist, 'wheel': wheel}


def committed() -> set[str]:
    """List the files of the commit that belong in an sdist."""
    listed = subprocess.run(
        ['git', 'ls-tree', '-r', '--name-only', 'HEAD'],
        cwd=inventory.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # pbr leaves out files that only git reads.
    return set(listed.stdout.splitlines()) - {'.gitignore'}


class ArchiveTest(unittest.TestCase):
    folder: Path
    archives: dict[str, Path]

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        cls.archives = build(cls.folder / 'first')

    def in_the_sdist(self) -> set[str]:
        """List the files of the sdist, relative to its top folder."""
        with tarfile.open(self.archives['sdist']) as archive:
            files = [member.name for member in archive.getmembers() if member.isfile()]
        return {name.partition('/')[2] for name in files}

    def in_the_wheel(self) -> set[str]:
        """List the files of the wheel, with 'dist-info' for the folder named after the version."""
        with zipfile.ZipFile(self.archives['wheel']) as archive:
            return {re.sub(r'^backupext-[^/]+\.', '', name) for name in archive.namelist()}

    def metadata(self) -> Message:
        """Read the metadata of the wheel."""
        with zipfile.ZipFile(self.archives['wheel']) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith('/METADATA')]
            return Parser().parsestr(archive.read(name).decode())

    def test_two_builds_are_the_same_bytes(self) -> None:
        again = build(self.folder / 'second')
        for kind, path in self.archives.items():
            with self.subTest(kind):
                self.assertEqual(path.name, again[kind].name)
                self.assertEqual(_digest(path), _digest(again[kind]))

    def test_the_sdist_has_what_is_committed(self) -> None:
        generated = {name for name in self.in_the_sdist() if EGG_INFO.fullmatch(name)}
        self.assertTrue(generated)
        self.assertEqual(self.in_the_sdist(), committed() | GENERATED | generated)

    def test_the_wheel_has_the_package_and_nothing_else(self) -> None:
        package = {name for name in committed() if name.startswith('backupext/')}
        about = {f'dist-info/{name}' for name in DIST_INFO | LICENCES}
        self.assertEqual(self.in_the_wheel(), package | about)

    def test_the_wheel_has_the_commands(self) -> None:
        with zipfile.ZipFile(self.archives['wheel']) as archive:
            (name,) = [each for each in archive.namelist() if each.endswith('entry_points.txt')]
            lines = archive.read(name).decode().split('\n')
        wanted = {
            f'{entry.name} = {entry.value}'
            for entries in inventory.entry_points().values()
            for entry in entries
        }
        self.assertEqual({line for line in lines if ' = ' in line}, wanted)

    def test_the_wheel_requires_what_requirements_txt_does(self) -> None:
        text = (inventory.ROOT / 'requirements.txt').read_text('utf-8')
        wanted = {line.partition(' #')[0] for line in text.splitlines()}
        required = self.metadata().get_all('Requires-Dist') or []
        self.assertEqual({name.replace(' ', '') for name in required}, wanted)

    def test_the_tests_run_from_the_sdist_without_a_network(self) -> None:
        with tarfile.open(self.archives['sdist']) as archive:
            archive.extractall(self.folder / 'unpacked', filter='data')
        (folder,) = (self.folder / 'unpacked').iterdir()
        run = subprocess.run(
            ['unshare', '--net', '--map-root-user', *_stestr()],
            cwd=folder,
            env={**os.environ, 'TEST_PATH': './tests/unit'},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stdout[-5000:] + run.stderr[-5000:])
        self.assertRegex(run.stdout, r'Passed: \d{3,}')


def _stestr() -> list[str]:
    return [str(Path(sys.executable).with_name('stestr')), 'run', '--concurrency', '2']


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
