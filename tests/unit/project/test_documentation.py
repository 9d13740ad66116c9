# SPDX-License-Identifier: Apache-2.0
"""The documentation covers what there is, and speaks of nothing else.

That it builds without a warning is shown by ``make docs``.
"""

import argparse
import csv
import importlib.metadata
import re
import shlex
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
    return {name for action in ours.actions(parser) for name in action.option_strings}


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
    """Find the command lines of transcripts that call a command of ours."""
    found = []
    for line in COMMAND_LINE.findall(text):
        if PREFIX in line:
            arguments = shlex.split(line.partition(PREFIX)[2], comments=True)
            found.append(arguments[: _end(arguments)])
    return found


def _end(arguments: list[str]) -> int:
    """Say where a redirection begins."""
    return arguments.index('>') if '>' in arguments else len(arguments)


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
                    self.assertIn(_command(arguments), known)

    def test_every_transcript_types_options_that_exist(self) -> None:
        known = parsers()
        for path, text in guides().items():
            for arguments in command_lines(text):
                options = {part for part in arguments if part.startswith('-')}
                with self.subTest(path, arguments=arguments):
                    self.assertLessEqual(options, names(known[_command(arguments)]))


def _is_named(option: str, text: str) -> bool:
    return re.search(rf'(?<![\w-]){re.escape(option)}(?![\w-])', text) is not None


def _command(arguments: list[str]) -> str:
    length = 2 if arguments[0] == 'record' else 1
    return PREFIX + ' '.join(arguments[:length])


class TableTest(unittest.TestCase):
    """The tables that documentation is generated from speak of what there is."""

    def test_each_option_with_a_microversion_exists(self) -> None:
        known = own_options()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.rpartition(' ')
            with self.subTest(feature.name):
                self.assertIn(option, known[PREFIX + verb])

    def test_each_option_with_a_microversion_says_so_in_its_help(self) -> None:
        known = parsers()
        for feature in features.OPTIONS.values():
            verb, _, option = feature.name.rpartition(' ')
            helps = [
                action.help or ''
                for action in ours.actions(known[PREFIX + verb])
                if option in action.option_strings
            ]
            with self.subTest(feature.name):
                self.assertIn(f'microversion {feature.since} or newer', helps[0])

    def test_each_column_with_a_microversion_exists(self) -> None:
        self.assertLessEqual(set(features.COLUMNS), {one.attribute for one in columns.COLUMNS})

    def test_each_column_is_a_field_of_a_backup(self) -> None:
        self.assertEqual({one.attribute for one in columns.COLUMNS}, set(Backup.__slots__))

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
        parsed = parsers()[_command(arguments)].parse_args(arguments[1:])
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
