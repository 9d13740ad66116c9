# SPDX-License-Identifier: Apache-2.0
"""The documentation as Sphinx builds it: its commands can be copied, and it needs no network."""

import importlib.util
import posixpath
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from tests.unit.project import inventory
from tests.unit.project.pages import SOURCE
from tests.unit.project.typed import own_options

#: Hyphens, dashes and the minus sign other than the one on the keyboard.
_DASHES = r'[\u2010-\u2015\u2212]'
#: Typographic quotation marks, which a shell does not understand.
_QUOTES = r'[\u2018-\u201f]'
_LOOKALIKE = re.compile(rf'(?<!\w)(?:{_DASHES}+-?|{_QUOTES}--?)[a-z][\w-]*')
#: An option in the source of a manual page without backslashes: troff makes typographic hyphens.
_UNESCAPED = re.compile(r'(?<![\w\\-])--?[a-z][\w-]*')


def lookalikes(text: str) -> list[str]:
    """Return texts that look like options but cannot be copied into a shell."""
    return _LOOKALIKE.findall(text)


class Page(HTMLParser):
    """The text of a page, and its elements."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = ''
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(path.read_text('utf-8'))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or '' for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        """List the values that an attribute has in the elements of a kind."""
        return [of[attribute] for kind, of in self.elements if kind == tag and attribute in of]


def build(kind: str, folder: Path) -> Path:
    """Build the documentation in a folder with Sphinx."""
    subprocess.run(
        [sys.executable, '-m', 'sphinx', '-q', '-b', kind, str(SOURCE), str(folder / kind)],
        cwd=inventory.ROOT,
        check=True,
    )
    return folder / kind


def has(module: str) -> bool:
    """Return whether a module is installed beside the tests."""
    return importlib.util.find_spec(module) is not None


class SiteTest(unittest.TestCase):
    """The documentation, built once."""

    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory(prefix='backupext-site-')
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)


@unittest.skipUnless(has('sphinx') and has('furo'), 'Sphinx or its theme is not installed')
class PageTest(SiteTest):
    pages: dict[str, Page]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        html = build('html', cls.folder)
        cls.pages = {str(path.relative_to(html)): Page(path) for path in html.rglob('*.html')}

    def test_each_source_has_a_page(self) -> None:
        sources = {path.relative_to(SOURCE).with_suffix('.html') for path in SOURCE.rglob('*.rst')}
        self.assertLessEqual({str(path) for path in sources}, set(self.pages))

    def test_no_option_has_a_typographic_dash_or_quote(self) -> None:
        for path, page in self.pages.items():
            with self.subTest(path):
                self.assertEqual(lookalikes(page.text), [])

    def test_reference_has_every_option_as_typed(self) -> None:
        text = self.pages['cli/volume-backup.html'].text
        for name, options in own_options().items():
            for option in sorted(options):
                with self.subTest(f'{name} {option}'):
                    self.assertRegex(text, rf'(?<![\w-]){option}(?![\w-])')

    def test_style_sheet_matches_tables_and_options(self) -> None:
        style = (SOURCE / '_static' / 'site.css').read_text('utf-8')
        wanted = set(re.findall(r'\.(g[os]-\w+)', style))
        classes = self.pages['user/deleting.html'].values('span', 'class')
        classes += self.pages['user/backups.html'].values('span', 'class')
        self.assertEqual(len(wanted), 3)
        self.assertLessEqual(wanted, set(' '.join(classes).split()))

    def test_every_page_links_to_every_chapter(self) -> None:
        chapters = {f'{name}/index.html' for name in ('user', 'cli', 'admin', 'contributor')}
        for path, page in self.pages.items():
            links = page.values('a', 'href')
            leads_to = {posixpath.normpath(posixpath.join(path, '..', link)) for link in links}
            with self.subTest(path):
                self.assertLessEqual(chapters - {path}, leads_to)

    def test_every_page_has_a_search(self) -> None:
        for path, page in self.pages.items():
            with self.subTest(path):
                self.assertIn('q', page.values('input', 'name'))

    def test_every_page_fits_a_phone(self) -> None:
        for path, page in self.pages.items():
            with self.subTest(path):
                self.assertIn('width=device-width', ' '.join(page.values('meta', 'content')))

    def test_no_page_loads_external_files(self) -> None:
        for path, page in self.pages.items():
            loaded = [
                *page.values('script', 'src'),
                *page.values('img', 'src'),
                *page.values('link', 'href'),
            ]
            with self.subTest(path):
                self.assertEqual([one for one in loaded if '//' in one], [])


@unittest.skipUnless(has('sphinx'), 'Sphinx is not installed')
class ManualTest(SiteTest):
    text: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        path = build('man', cls.folder) / 'openstack-volume-backup.1'
        cls.text = path.read_text('utf-8')

    def test_no_option_has_a_typographic_dash_or_quote(self) -> None:
        self.assertEqual(lookalikes(self.text), [])

    def test_every_option_has_hyphens_that_can_be_copied(self) -> None:
        lines = [line for line in self.text.splitlines() if not line.startswith('.\\"')]
        self.assertEqual(_UNESCAPED.findall('\n'.join(lines)), [])

    def test_manual_has_every_option_as_typed(self) -> None:
        text = self.text.replace('\\-', '-')
        for name, options in own_options().items():
            for option in sorted(options):
                with self.subTest(f'{name} {option}'):
                    self.assertRegex(text, rf'(?<![\w-]){option}(?![\w-])')


class LookalikeTest(unittest.TestCase):
    def test_dashes_and_quotes_before_an_option_are_noticed(self) -> None:
        for text in (
            'with \N{EN DASH}cascade',
            '(\N{EM DASH}wait)',
            '\N{MINUS SIGN}\N{MINUS SIGN}all',
            '\N{HYPHEN}f',
            '\N{LEFT DOUBLE QUOTATION MARK}--name',
        ):
            with self.subTest(text):
                self.assertEqual(len(lookalikes(text)), 1)

    def test_copyable_options_are_not_noticed(self) -> None:
        for text in (
            '--wait',
            'non-zero',
            '3\N{EN DASH}5',
            'one \N{EN DASH} two',
            'don\N{RIGHT SINGLE QUOTATION MARK}t',
            '\N{LEFT DOUBLE QUOTATION MARK}error\N{RIGHT DOUBLE QUOTATION MARK}',
        ):
            with self.subTest(text):
                self.assertEqual(lookalikes(text), [])
