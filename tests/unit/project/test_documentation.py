# SPDX-License-Identifier: Apache-2.0
"""The documentation covers what there is, and speaks of nothing else.

That it builds without a warning is shown by ``make docs``.
"""

import argparse
import csv
import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import textwrap
import unittest
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import docutils.core
import yaml
from osc_lib.command import command

from backupext import plugin
from backupext.cli import columns, keep
from backupext.core import features, retention
from backupext.core.models import Backup
from tests.unit.project import ours

GUIDES = ('user', 'admin')
SOURCE = ours.ROOT / 'doc' / 'source'
README = ours.ROOT / 'README.rst'
NOTES = ours.ROOT / 'releasenotes' / 'notes'

NOTE_NAME = re.compile(r'[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{16}')
NOTE_SECTIONS = {'prelude', 'features', 'upgrade', 'security', 'fixes', 'deprecations', 'issues'}

COMMAND_LINE = re.compile(r'^ *\$ (?:\w+=\$\()?openstack (.*)$', re.MULTILINE)
BLOCK = re.compile(r'^\.\. code-block:: (\w+)\n\n((?:   .*\n|\n)+)', re.MULTILINE)
MANUAL = SOURCE / 'man' / 'openstack-volume-backup.rst'
PREFIX = 'volume backup '


def words(entry: str) -> str:
    """Write an entry point's name as people type it: 'volume backup list'."""
    return entry.replace('_', ' ')


def commands() -> dict[str, type[command.Command]]:
    """Load the class of each command, by what people type."""
    return {words(name): class_ for name, class_ in ours.commands().items()}


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Build the parser of each command, by what people type."""
    return {name: ours.parser_of(class_) for name, class_ in commands().items()}


def own_options() -> dict[str, set[str]]:
    """List the options that each command shows besides those that cliff gives all of its kind."""
    return {name: _shown(class_) - _inherited(class_) for name, class_ in commands().items()}


def _shown(class_: type[command.Command]) -> set[str]:
    actions = ours.actions(ours.parser_of(class_))
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    return {name for action in shown for name in action.option_strings}


def _inherited(class_: type[command.Command]) -> set[str]:
    return names(super(class_, class_(mock.Mock(), None)).get_parser('command'))


def names(parser: argparse.ArgumentParser) -> set[str]:
    """List every name of every option of a parser."""
    return set(ours.options(parser))


def ignored_in_the_reference() -> set[str]:
    """Read which options the reference leaves out."""
    settings: dict[str, object] = {'__file__': str(SOURCE / 'conf.py')}
    source = (SOURCE / 'conf.py').read_text('utf-8')
    with mock.patch('sys.path', []):
        exec(compile(source, 'conf.py', 'exec'), settings)  # as Sphinx does
    ignored = settings['autoprogram_cliff_ignored']
    if not isinstance(ignored, list):
        raise TypeError(ignored)
    return set(ignored)


def guides() -> dict[str, str]:
    """Read the README and the guides."""
    paths = [README, *(path for guide in GUIDES for path in (SOURCE / guide).glob('*.rst'))]
    return {str(path.relative_to(ours.ROOT)): path.read_text('utf-8') for path in sorted(paths)}


def command_lines(text: str) -> list[list[str]]:
    """Find the command lines of transcripts and scripts that call a command of ours."""
    return [_arguments(line) for line in _lines_of_openstack(text) if PREFIX in line]


def _lines_of_openstack(text: str) -> list[str]:
    """Find the lines of transcripts that call openstack, and the lines of scripts that may."""
    scripts = [block for language in ('sh', 'text') for block in blocks(text, language)]
    joined = '\n'.join(scripts).replace('\\\n', ' ')
    called = re.findall(r'^[^#\n]*?\bopenstack (.*)$', joined, re.MULTILINE)
    return COMMAND_LINE.findall(text) + called


def _arguments(line: str) -> list[str]:
    """Split what follows the words that all commands of ours begin with, up to a redirection."""
    arguments = shlex.split(line.partition(PREFIX)[2], comments=True)
    end = min(
        (arguments.index(part) for part in ('>', '>>', '|') if part in arguments), default=None
    )
    return [part for part in arguments[:end] if part != '$@']


def blocks(text: str, language: str) -> list[str]:
    """Find the blocks of code in a language."""
    found = BLOCK.findall(text)
    return [textwrap.dedent(block).strip() + '\n' for name, block in found if name == language]


def warnings_of(text: str) -> str:
    """Read reStructuredText as a package index does, and give what docutils says of it."""
    settings = {
        'report_level': 1,
        'halt_level': 5,
        'warning_stream': False,
        '_disable_config': True,
    }
    document = docutils.core.publish_doctree(text, settings_overrides=settings)
    messages = [*document.parse_messages, *document.transform_messages]
    return '\n'.join(message.astext() for message in messages)


class ReferenceTest(unittest.TestCase):
    """The reference is made from the parsers, of every command in the group that it names."""

    def reference(self) -> str:
        return (SOURCE / 'cli' / 'volume-backup.rst').read_text('utf-8')

    def test_it_covers_the_group_of_the_plugin(self) -> None:
        group = f'openstack.{plugin.API_NAME}.v{plugin.DEFAULT_API_VERSION}'
        self.assertEqual(re.findall(r'autoprogram-cliff:: (\S+)', self.reference()), [group])

    def test_it_covers_every_command(self) -> None:
        (pattern,) = re.findall(r':command: (.+)', self.reference())
        self.assertEqual(pattern, f'{PREFIX}*')
        for name in parsers():
            with self.subTest(name):
                self.assertTrue(name.startswith(PREFIX))

    def test_it_leaves_out_no_option_of_ours(self) -> None:
        ignored = ignored_in_the_reference()
        for name, options in own_options().items():
            with self.subTest(name):
                self.assertEqual(options & ignored, set())

    def test_the_installed_commands_are_those_of_setup_cfg(self) -> None:
        installed = importlib.metadata.entry_points(group=ours.COMMANDS)
        here = ours.entry_points()[ours.COMMANDS]
        self.assertEqual(
            {(entry.name, entry.value) for entry in installed},
            {(entry.name, entry.value) for entry in here},
            'install the checkout again: the reference is made from what is installed',
        )


class GuideTest(unittest.TestCase):
    def test_every_command_is_shown_in_a_guide(self) -> None:
        shown = {
            name
            for text in guides().values()
            for arguments in command_lines(text)
            for name in parsers()
            if (PREFIX + ' '.join(arguments)).startswith(name)
        }
        self.assertEqual(set(parsers()), shown)

    def test_every_option_is_named_in_a_guide(self) -> None:
        text = '\n'.join(guides().values())
        for name, options in own_options().items():
            for option in sorted(options):
                with self.subTest(f'{name} {option}'):
                    self.assertTrue(_is_named(option, text), f'{option} is in no guide')

    def test_every_transcript_types_a_command_that_exists(self) -> None:
        known = parsers()
        for path, text in guides().items():
            for arguments in command_lines(text):
                with self.subTest(path, arguments=arguments):
                    self.assertIn(command_of(arguments), known)

    def test_every_transcript_types_options_that_exist(self) -> None:
        known = parsers()
        for path, text in guides().items():
            for arguments in command_lines(text):
                options = {part for part in arguments if part.startswith('-')}
                with self.subTest(path, arguments=arguments):
                    self.assertLessEqual(options, names(known[command_of(arguments)]))


def _is_named(option: str, text: str) -> bool:
    return re.search(rf'(?<![\w-]){re.escape(option)}(?![\w-])', text) is not None


def command_of(arguments: list[str]) -> str:
    length = 2 if arguments[0] == 'record' else 1
    return PREFIX + ' '.join(arguments[:length])


class NightlyTest(unittest.TestCase):
    """The script and the units of "Back up every night" are run as they stand there."""

    #: Notes its arguments, and fails where the test says so.
    OPENSTACK = """#!/bin/sh
printf '%s\\n' "$@" >>"$RECORD"
echo --end-- >>"$RECORD"
case " $* " in *" $FAIL "*) exit 3;; esac
"""
    #: A clock that says what day of the week it is.
    DATE = """#!/bin/sh
if [ "$2" = +%u ]; then echo "$DAY"; else echo 2026-11-23; fi
"""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.record = self.folder / 'record'
        self.write('openstack', self.OPENSTACK)
        self.write('date', self.DATE)
        self.write('nightly', self.script())

    def page(self) -> str:
        return (SOURCE / 'user' / 'nightly.rst').read_text('utf-8')

    def script(self) -> str:
        (script,) = [block for block in blocks(self.page(), 'sh') if block.startswith('#!')]
        return script

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, 'utf-8')
        path.chmod(0o755)

    def run_script(self, *arguments: str, day: str = '1', fail: str = '-') -> int:
        """Run the script, and give its exit status."""
        environment = {
            'PATH': f'{self.folder}:{os.defpath}',
            'RECORD': str(self.record),
            'DAY': day,
            'FAIL': fail,
        }
        self.record.write_text('', 'utf-8')
        command = ['/bin/sh', str(self.folder / 'nightly'), *arguments]
        return subprocess.run(command, env=environment, check=False, capture_output=True).returncode

    def parsed(self) -> list[tuple[str, argparse.Namespace]]:
        """Have our parsers read what the script called."""
        calls = self.record.read_text('utf-8').split('--end--\n')[:-1]
        return [self.parse(call.splitlines()) for call in calls]

    def parse(self, words_of_call: list[str]) -> tuple[str, argparse.Namespace]:
        self.assertEqual(words_of_call[:3], ['-q', 'volume', 'backup'])
        return words_of_call[3], parsers()[PREFIX + words_of_call[3]].parse_args(words_of_call[4:])

    def test_it_backs_up_and_then_prunes_its_own_backups(self) -> None:
        self.assertEqual(self.run_script('ledger'), 0)
        (first, create), (second, prune) = self.parsed()
        self.assertEqual((first, second), ('create', 'prune'))
        self.assertTrue(create.wait and create.incremental and create.allow_full)
        self.assertTrue(prune.auto_approve)
        self.assertEqual((create.volume, prune.volumes), ('ledger', ['ledger']))
        self.assertEqual(create.properties, {'job': 'nightly'})
        self.assertEqual(prune.properties, [('job', 'nightly')])

    def test_it_makes_a_full_backup_on_sundays(self) -> None:
        self.run_script('ledger', day='7')
        (_, create), _ = self.parsed()
        self.assertFalse(create.incremental or create.allow_full)

    def test_it_stops_at_an_error(self) -> None:
        self.assertEqual(self.run_script('ledger', fail='create'), 3)
        self.assertEqual([name for name, _ in self.parsed()], ['create'])

    def test_it_tells_that_the_deletion_failed(self) -> None:
        self.assertEqual(self.run_script('ledger', fail='prune'), 3)

    def test_without_a_volume_it_does_nothing(self) -> None:
        self.assertEqual(self.run_script(), 2)
        self.assertEqual(self.parsed(), [])

    def test_it_keeps_as_many_backups_as_the_guide_says(self) -> None:
        self.run_script('ledger')
        _, (_, prune) = self.parsed()
        kept: list[Backup] = []
        counts = []
        for night in range(400):
            kept = self.after_a_night(
                kept, datetime(2026, 1, 1, 2, tzinfo=timezone.utc), night, prune
            )
            counts.append(len(kept))
        said = re.findall(r'a volume has (\d+) to (\d+) backups', self.page())
        self.assertEqual(said, [(str(min(counts[200:])), str(max(counts[200:])))])

    def after_a_night(
        self, kept: list[Backup], first: datetime, night: int, prune: argparse.Namespace
    ) -> list[Backup]:
        """Add the backup of a night, of what Cinder takes as its parent, and prune."""
        now = first + timedelta(days=night)
        full = not kept or now.isoweekday() == 7  # Sunday
        done = (now + ExampleTest.TAKES).isoformat()
        if not full:
            kept = [*kept[:-1], replace(kept[-1], updated_at=done)]
        made = Backup(
            id=str(night),
            name=str(night),
            status='available',
            volume_id='ledger',
            is_incremental=not full,
            created_at=now.isoformat(),
            data_timestamp=now.isoformat(),
            updated_at=done,
            metadata={'job': 'nightly'},
        )
        plan = retention.plan(
            [*kept, made], keep.policy(prune), now + timedelta(hours=1), prune.timezone
        )
        gone = {one.backup.id for one in plan if one.action is retention.Action.DELETE}
        return [backup for backup in [*kept, made] if backup.id not in gone]

    def test_every_script_of_the_guides_is_one(self) -> None:
        for path, text in guides().items():
            for block in blocks(text, 'sh'):
                with self.subTest(path, block=block):
                    read = subprocess.run(
                        ['/bin/sh', '-n'], input=block.encode(), check=False, capture_output=True
                    )
                    self.assertEqual((read.returncode, read.stderr), (0, b''))

    def test_systemd_understands_the_units(self) -> None:
        analyze = shutil.which('systemd-analyze')
        if analyze is None:
            self.skipTest('systemd-analyze is not installed: nothing can read the units')
        names_of_units = re.findall(r'``/etc/systemd/system/(\S+)``', self.page())
        units = blocks(self.page(), 'ini')
        self.assertEqual(len(names_of_units), len(units))
        for name, unit in zip(names_of_units, units, strict=True):
            here = unit.replace('/usr/local/bin/volume-backup-', f'{self.folder}/')
            (self.folder / name).write_text(here, 'utf-8')
        for name in names_of_units:
            with self.subTest(name):
                read = subprocess.run(
                    [analyze, 'verify', '--man=no', f'./{name}'],
                    cwd=self.folder,
                    check=False,
                    capture_output=True,
                )
                self.assertEqual((read.returncode, read.stderr), (0, b''))


class ManualPageTest(unittest.TestCase):
    """The manual page has every command, and its options from the parsers."""

    def page(self) -> str:
        return MANUAL.read_text('utf-8')

    def test_its_synopsis_is_made_from_the_parsers(self) -> None:
        self.assertIn('\n.. command-synopsis::\n', self.page())

    def test_its_options_are_made_from_the_parsers(self) -> None:
        self.assertIn(
            f'autoprogram-cliff:: {ours.COMMANDS}\n      :command: {PREFIX}*\n', self.page()
        )

    def test_its_sections_are_those_of_a_manual_page(self) -> None:
        sections = re.findall(r'^([A-Z ]+)\n=+$', self.page(), re.MULTILINE)
        self.assertEqual(
            ', '.join(sections),
            'SYNOPSIS, DESCRIPTION, COMMANDS, EXIT STATUS, ENVIRONMENT, FILES, EXAMPLES, NOTES, '
            'SEE ALSO',
        )

    def test_its_examples_are_read_by_the_parsers(self) -> None:
        examples = re.findall(r'^   openstack volume backup (.*)$', self.page(), re.MULTILINE)
        self.assertGreater(len(examples), 0)
        for example in examples:
            arguments = shlex.split(example)
            with self.subTest(example):
                parsers()[command_of(arguments)].parse_args(arguments[1:])

    def test_it_has_every_exit_status_of_the_reference(self) -> None:
        reference = (SOURCE / 'cli' / 'exit-status.rst').read_text('utf-8')
        statuses = re.findall(r'^   \* - (\d+)$', reference, re.MULTILINE)
        self.assertEqual(re.findall(r'^\*\*(\d+)\*\*$', self.page(), re.MULTILINE), statuses)


class TableTest(unittest.TestCase):
    """The tables that documentation is generated from speak of what there is."""

    def test_what_requires_a_microversion_is_declared_by_the_parser_of_its_command(self) -> None:
        declared = {
            each.feature: f'{PREFIX}{each.feature.partition(" ")[0]}' == name
            for name, parser in parsers().items()
            for each in parser.get_default('requirements') or ()
        }
        self.assertEqual(declared, dict.fromkeys(features.OPTIONS, True))

    def test_what_requires_a_microversion_says_so_in_its_help(self) -> None:
        known = parsers()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.partition(' ')
            parser = known[PREFIX + verb]
            with self.subTest(feature.name):
                if option:
                    said = ours.options(parser)[option].help or ''
                    self.assertTrue(said.endswith(f' (requires Block Storage {feature.since})'))
                else:
                    said = parser.description or ''
                    self.assertTrue(said.endswith(f'\n\nRequires Block Storage {feature.since}.'))

    def test_each_column_with_a_microversion_exists(self) -> None:
        self.assertLessEqual(set(features.COLUMNS), {one.attribute for one in columns.SHOW})

    def test_each_column_is_a_field_of_a_backup(self) -> None:
        self.assertEqual({one.attribute for one in columns.SHOW}, set(Backup.__slots__))

    def test_nothing_needs_a_newer_microversion_than_the_newest_that_is_sent(self) -> None:
        for feature in [*features.OPTIONS.values(), *features.COLUMNS.values()]:
            with self.subTest(feature.name):
                self.assertLessEqual(feature.since, features.NEWEST)


class ExampleTest(unittest.TestCase):
    """The worked example of retention: a table of backups, and what one command makes of them."""

    NOW = datetime(2026, 11, 23, 18, tzinfo=timezone.utc)
    TAKES = timedelta(minutes=5)

    def section(self) -> str:
        text = (SOURCE / 'user' / 'retention.rst').read_text('utf-8')
        return text.partition('\nAn example\n====')[2].partition('\n====')[0]

    def table(self) -> list[dict[str, str]]:
        (header,) = re.findall(r'^   :header: (.*)$', self.section(), re.MULTILINE)
        rows = re.findall(r'^   (".*")$', self.section(), re.MULTILINE)
        return list(csv.DictReader([header, *rows], skipinitialspace=True))

    def backups(self) -> list[Backup]:
        """Build what the API would show; a parent was touched when its child was finished."""
        table = self.table()
        rows = {row['Name']: self.backup(row) for row in table}
        for row in reversed(table):
            if row['Parent']:
                finished = rows[row['Name']].updated_at
                rows[row['Parent']] = replace(rows[row['Parent']], updated_at=finished)
        return list(rows.values())

    def backup(self, row: dict[str, str]) -> Backup:
        created = datetime.fromisoformat(row['Created'])
        return Backup(
            id=row['Name'],
            name=row['Name'],
            status=row['Status'],
            volume_id='ledger',
            is_incremental=row['Kind'] == 'incremental',
            created_at=created.isoformat(),
            data_timestamp=created.isoformat(),
            updated_at=(created + self.TAKES).isoformat(),
            metadata=dict(part.split('=') for part in row['Properties'].split()),
        )

    def decisions(self) -> list[retention.Decision]:
        (arguments,) = command_lines(self.section())
        parsed = parsers()[command_of(arguments)].parse_args(arguments[1:])
        return retention.plan(self.backups(), keep.policy(parsed), self.NOW, parsed.timezone)

    def test_the_worked_example_is_what_the_plan_says(self) -> None:
        said = [(row['Name'], row['Decision'], row['Reasons']) for row in self.table()]
        planned = [
            (each.backup.name, each.action.value, ', '.join(each.reasons))
            for each in self.decisions()
        ]
        self.assertEqual(planned, said)

    def test_it_shows_each_decision(self) -> None:
        shown = {row['Decision'] for row in self.table()}
        self.assertEqual(shown, {action.value for action in retention.Action})

    def test_each_promise_names_tests_that_exist(self) -> None:
        text = (SOURCE / 'user' / 'retention.rst').read_text('utf-8')
        paths = re.findall(r'``(tests/\S+\.py)``', text)
        tests = '\n'.join((ours.ROOT / path).read_text('utf-8') for path in paths)
        for name in re.findall(r'``(test_\w+)``', text):
            with self.subTest(name):
                self.assertIn(f'def {name}(', tests)


class ReadmeTest(unittest.TestCase):
    def test_they_are_valid_without_sphinx(self) -> None:
        for name in ('README.rst', 'CONTRIBUTING.rst'):
            with self.subTest(name):
                self.assertEqual(warnings_of((ours.ROOT / name).read_text('utf-8')), '')

    def test_invalid_text_is_noticed(self) -> None:
        self.assertIn('Title underline too short', warnings_of('Some title\n=====\n'))
        self.assertIn('Unknown interpreted text role', warnings_of(':doc:`user/index`'))

    def test_every_make_target_exists(self) -> None:
        makefile = (ours.ROOT / 'Makefile').read_text('utf-8')
        targets = set(re.findall(r'^([a-z-]+):', makefile, re.MULTILINE))
        for name in ('README.rst', 'CONTRIBUTING.rst'):
            text = (ours.ROOT / name).read_text('utf-8')
            with self.subTest(name):
                self.assertLessEqual(set(re.findall(r'``make ([a-z-]+)``', text)), targets)

    def test_every_link_leads_to_a_file(self) -> None:
        for target in re.findall(r'<([^<>]+)>`_', README.read_text('utf-8')):
            with self.subTest(target):
                self.assertTrue((ours.ROOT / target).is_file())


class ReleaseNoteTest(unittest.TestCase):
    def notes(self) -> list[Path]:
        return sorted(NOTES.glob('*.yaml'))

    def test_each_is_named_as_reno_names_them(self) -> None:
        for path in self.notes():
            with self.subTest(path.name):
                self.assertRegex(path.stem, rf'^{NOTE_NAME.pattern}$')

    def test_each_has_sections_that_reno_knows(self) -> None:
        for path in self.notes():
            with self.subTest(path.name):
                self.assertLessEqual(set(yaml.safe_load(path.read_text('utf-8'))), NOTE_SECTIONS)

    def test_each_is_valid_text(self) -> None:
        for path in self.notes():
            for text in _texts(yaml.safe_load(path.read_text('utf-8'))):
                with self.subTest(path.name):
                    self.assertEqual(warnings_of(text), '')

    def test_each_command_has_a_note(self) -> None:
        text = '\n'.join(path.read_text('utf-8') for path in self.notes())
        for name in parsers():
            with self.subTest(name):
                verb = name.split()[-1]
                self.assertTrue(re.search(rf'``[^`]*\b{verb}\b[^`]*``', text), verb)


def _texts(note: dict[str, str | list[str]]) -> list[str]:
    return [
        text
        for section in note.values()
        for text in ([section] if isinstance(section, str) else section)
    ]
