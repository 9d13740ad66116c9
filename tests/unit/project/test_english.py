# SPDX-License-Identifier: Apache-2.0
"""Help texts and messages are plain English, and use the same words for the same thing."""

import ast
import io
import re
import tokenize
import unittest
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.unit.project import inventory

#: Words that nothing in the package uses, comments and docstrings included.
_FOREIGN = re.compile(
    r"\b(?:so many|whoever|anew|meanwhile|by now|rid of|ours|OSC's own|mend(?:s|ed|ing)?"
    r'|all the same|of (?:its|their) own|vanish(?:es|ed)?|(?<!there )is no(?! longer))\b',
    re.IGNORECASE,
)
#: Words that are plain in a docstring, but vague in a message: a backup is kept, not "stays", and
#: created, not "made".
_VAGUE = re.compile(
    r'\b(?:stays?|goes|told|taken|made|(?:is|are) called|(?:was|were|not) asked for|such an?'
    r'|anybody|everybody|nobody)\b',
    re.IGNORECASE,
)

#: What can follow the sentence of a help text, in this order.
_NOTES = ('name or ID', 'repeat option', 'default:', 'admin only', 'requires Block Storage')
_NOTE = re.compile(rf' \(({"|".join(_NOTES)})[^()]*\)')
#: Notes that depend on the command, while the option means the same.
_COMMANDS_OWN = re.compile(r' \((?:repeat option|requires Block Storage)[^()]*\)')

_METAVAR = re.compile(r'<[a-z_-]+>(?:\[[=:]<[a-z]+>\])?|<[a-z]+>/<[a-z]+>|<key=value>')

#: Options that mean different things in different commands, with their meanings. Any other option
#: has the same help everywhere.
_MEANINGS = {
    '--availability-zone': {
        'create': 'of the backup',
        'recover': 'of the new volumes',
        'restore': 'of the new volume',
    },
    '--concurrency': {
        'prune': 'deletions',
        'recover': 'restores',
        'rotate': 'backups',
        'verify': 'restores one by one',
    },
    '--delete-failed': {'prune': 'adds', 'rotate': 'delays'},
    '--description': {
        'create': 'of the new backup',
        'rotate': 'of the new backup',
        'set': 'changes it',
    },
    '--dry-run': {
        'delete': 'deletions',
        'prune': 'deletions',
        'record import': 'imports',
        'recover': 'restores',
        'rotate': 'everything',
    },
    '--force': {
        'create': 'in-use volume',
        'delete': 'any status',
        'restore': 'overwrites',
        'rotate': 'in-use volume',
    },
    '--incremental': {'create': 'kind of the new backup', 'list': 'filters'},
    '--label': {
        'check': 'counted',
        'recover': 'recovered',
        'rotate': 'of the new backups',
        'verify': 'considered',
    },
    '--max-chain': {'check': 'warns', 'rotate': 'limits'},
    '--name': {
        'create': 'of the new backup',
        'list': 'filters',
        'restore': 'of the new volume',
        'set': 'changes it',
    },
    '--name-format': {'recover': 'of the new volumes', 'rotate': 'of the new backups'},
    '--property': {
        'check': 'filters',
        'create': 'sets',
        'list': 'filters',
        'prune': 'filters',
        'record export': 'filters',
        'record import': 'adds',
        'rotate': 'sets on every backup',
        'set': 'sets',
        'unset': 'removes',
    },
    '--server': {
        'check': 'selects',
        'recover': 'recovers',
        'rotate': 'selects',
        'verify': 'selects',
    },
    '--snapshot': {'create': 'backed up', 'list': 'filters'},
    '--status': {'list': 'filters', 'wait': 'waited for'},
    '--type': {'recover': 'of the new volumes', 'restore': 'of the new volume'},
    '--volume': {
        'list': 'filters',
        'prune': 'filters',
        'record export': 'filters',
        'recover': 'recovers it',
        'tree': 'filters',
        'verify': 'selects',
    },
}


class Text(NamedTuple):
    """A string or comment in a source file."""

    line: int
    text: str
    is_message: bool


def texts(source: str) -> Iterator[Text]:
    """Yield the strings and the comments of a source."""
    tree = ast.parse(source)
    docstrings = {id(docstring) for node in ast.walk(tree) for docstring in _docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Text(node.lineno, ' '.join(node.value.split()), id(node) not in docstrings)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(token.start[0], token.string, is_message=False)


def _docstring(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
        (first, *_) = node.body
        if isinstance(first, ast.Expr):
            yield first.value


def forbidden(source: str) -> list[str]:
    """List the forbidden words of a source, with their lines."""
    return [
        f'{text.line}: {word}'
        for text in texts(source)
        for pattern in ((_FOREIGN, _VAGUE) if text.is_message else (_FOREIGN,))
        for word in pattern.findall(text.text)
    ]


def mistakes(help_: str) -> Iterator[str]:
    """Yield what is wrong with the form of a help text."""
    if not re.match('[A-Z]', help_):
        yield 'no capital letter'
    if help_ != help_.strip():
        yield 'spaces around'
    if re.search(r'\.(?:\s|$)', help_):
        yield 'full stop'
    notes = list(_NOTE.finditer(help_))
    kinds = [note[1] for note in notes]
    if kinds != sorted(set(kinds), key=_NOTES.index):
        yield 'notes in the wrong order'
    if notes and ''.join(note[0] for note in notes) != help_[notes[0].start() :]:
        yield 'notes before the end'


def helps() -> dict[str, dict[str, str]]:
    """Return the help of each option without the command's own notes, by option and command."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in inventory.arguments():
        if one.action.option_strings and not one.is_hidden:
            found[one.name][one.command] = _COMMANDS_OWN.sub('', one.action.help or '')
    return found


class WordTest(unittest.TestCase):
    def test_no_text_in_the_package_has_a_forbidden_word(self) -> None:
        for path in sorted(inventory.PACKAGE.rglob('*.py')):
            with self.subTest(path.relative_to(inventory.ROOT)):
                self.assertEqual(forbidden(path.read_text('utf-8')), [])

    def test_no_help_or_description_has_a_forbidden_word(self) -> None:
        shown = [one.action.help or '' for one in inventory.arguments()]
        shown += [
            inventory.parser_of(class_).description or ''
            for class_ in inventory.commands().values()
        ]
        for text in shown:
            with self.subTest(text):
                self.assertEqual([*_FOREIGN.findall(text), *_VAGUE.findall(text)], [])


class HelpTest(unittest.TestCase):
    def test_every_command_has_a_description(self) -> None:
        for name, class_ in inventory.commands().items():
            with self.subTest(name):
                self.assertRegex(class_.__doc__ or '', r'^[A-Z][^\n]+\.(\n|$)')

    def test_every_argument_and_option_has_a_well_formed_help_or_is_hidden(self) -> None:
        for one in inventory.arguments():
            with self.subTest(f'{one.command} {one.name}'):
                if not one.is_hidden:
                    self.assertEqual(list(mistakes(one.action.help or '')), [])

    def test_only_options_are_hidden(self) -> None:
        hidden = [one for one in inventory.arguments() if one.is_hidden]
        self.assertEqual([one.name for one in hidden if not one.action.option_strings], [])

    def test_every_metavar_is_a_word_in_angle_brackets(self) -> None:
        for one in inventory.arguments():
            with self.subTest(f'{one.command} {one.name}'):
                if one.action.nargs != 0 and not one.is_hidden:
                    self.assertRegex(str(one.action.metavar), rf'^(?:{_METAVAR.pattern})$')


class SameWordsTest(unittest.TestCase):
    def test_an_option_with_one_meaning_has_the_same_help_in_every_command(self) -> None:
        for option, texts_ in helps().items():
            by_meaning: dict[str, set[str]] = defaultdict(set)
            for command, text in texts_.items():
                by_meaning[_MEANINGS.get(option, {}).get(command, '')].add(text)
            for meaning, different in by_meaning.items():
                with self.subTest(f'{option} {meaning}'):
                    self.assertEqual(len(different), 1, different)

    def test_an_option_with_several_meanings_has_a_help_for_each(self) -> None:
        found = helps()
        for option, meanings in _MEANINGS.items():
            with self.subTest(option):
                self.assertEqual(set(found[option]), set(meanings))
                self.assertEqual(len(set(found[option].values())), len(set(meanings.values())))


class DetectionTest(unittest.TestCase):
    def test_forbidden_words_are_found_in_messages_docstrings_and_comments(self) -> None:
        for source, word in (
            ("print('Keep the newest so many backups')", 'so many'),
            ('raise ValueError(f"\'{text}\' is no duration")', 'is no'),
            ('def f():\n    """Take what whoever gave."""', 'whoever'),
            ('x = 1  # meanwhile', 'meanwhile'),
            ("print('Backup A stays')", 'stays'),
            ("print('Backup A has vanished')", 'vanished'),
            ("print('The backup is being made')", 'made'),
            ("print('2 volumes are called A')", 'are called'),
            ("print('3.42 was asked for')", 'was asked for'),
        ):
            with self.subTest(source):
                self.assertEqual([one.split(': ')[1].lower() for one in forbidden(source)], [word])

    def test_plain_words_are_not_forbidden(self) -> None:
        for source in (
            "print('Nothing was deleted: there is no terminal to ask on.')",
            "print('Delete backups that it is no longer worth keeping, yours and recommended')",
            '"""The status goes back to available."""',
            '"""Note what was made of a volume."""',
            "print('Delete backups, or ask for a larger quota, such as 20.')",
        ):
            with self.subTest(source):
                self.assertEqual(forbidden(source), [])

    def test_badly_formed_help_is_found(self) -> None:
        for text, mistake in (
            ('delete without asking', 'no capital letter'),
            ('Name of the backup ', 'spaces around'),
            ('Sort by these keys. Keys: id, name', 'full stop'),
            ('Name of the backup.', 'full stop'),
            ('Do it (admin only) (default: no)', 'notes in the wrong order'),
            ('Status (default: available): one or two', 'notes before the end'),
        ):
            with self.subTest(text):
                self.assertEqual(list(mistakes(text)), [mistake])

    def test_a_bracket_within_a_metavar_is_found(self) -> None:
        self.assertNotRegex('<key[=value]>', rf'^(?:{_METAVAR.pattern})$')

    def test_well_formed_help_is_accepted(self) -> None:
        for text in (
            'Size in GiB, such as 1.5 (default: 1) (requires Block Storage 3.47)',
            'Volume (name or ID) (repeat option to specify multiple volumes) (admin only)',
        ):
            with self.subTest(text):
                self.assertEqual(list(mistakes(text)), [])
