# SPDX-License-Identifier: Apache-2.0
"""The pictures of the documentation are those of `make pictures`, and self-contained."""

import re
import shlex
import unittest
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.pictures.scenes import PICTURES
from tests.unit.project import inventory

SOURCE = inventory.ROOT / 'doc' / 'source'
FOLDER = SOURCE / 'pictures'
LARGEST = 40_000

SVG = 'http://www.w3.org/2000/svg'
XML = 'http://www.w3.org/XML/1998/namespace'
REFERENCE = re.compile(r'url\([^)]*\)|@import|@font-face|\w+://\S*')
FIGURE = re.compile(
    r'^( *)\.\. figure:: (?:\S*/)?pictures/(\S+)\.svg\n\1   :alt: (.*\n(?:\1      +\S.*\n)*)',
    re.MULTILINE,
)


def paths() -> dict[str, Path]:
    """Return the file of each picture."""
    return {picture.name: FOLDER / f'{picture.name}.svg' for picture in PICTURES}


def figures() -> dict[str, str]:
    """Return the pictures of a page with their alternative texts."""
    pages = '\n'.join(path.read_text('utf-8') for path in sorted(SOURCE.rglob('*.rst')))
    return {name: ' '.join(text.split()) for _, name, text in FIGURE.findall(pages)}


def references(path: Path) -> list[str]:
    """Return the references in attributes and styles of a picture, but not in its text."""
    found = []
    for element in ET.parse(path).iter():
        values = [
            value for name, value in element.attrib.items() if not name.startswith(f'{{{XML}')
        ]
        if element.tag == f'{{{SVG}}}style':
            values.append(element.text or '')
        found += [match for value in values for match in REFERENCE.findall(value)]
        found += [value for name, value in element.attrib.items() if name.endswith(('href', 'src'))]
    return found


class PictureTest(unittest.TestCase):
    def test_each_scene_has_a_picture(self) -> None:
        self.assertEqual(sorted(FOLDER.iterdir()), sorted(paths().values()))

    def test_each_picture_is_an_svg_with_text(self) -> None:
        for name, path in paths().items():
            with self.subTest(name):
                root = ET.parse(path).getroot()
                self.assertEqual(root.tag, f'{{{SVG}}}svg')
                self.assertTrue(root.findall(f'.//{{{SVG}}}text'))

    def test_each_picture_is_small(self) -> None:
        for name, path in paths().items():
            with self.subTest(name):
                self.assertLess(path.stat().st_size, LARGEST)

    def test_each_picture_is_self_contained(self) -> None:
        for name, path in paths().items():
            with self.subTest(name):
                elsewhere = [one for one in references(path) if not one.startswith('url(#')]
                self.assertEqual(elsewhere, [])

    def test_each_picture_shows_its_commands(self) -> None:
        for picture in PICTURES:
            text = ' '.join(''.join(ET.parse(paths()[picture.name]).getroot().itertext()).split())
            for shot in picture.shots:
                with self.subTest(shot.arguments):
                    first = shot.arguments.partition('\n')[0].partition(' MISTYPED')[0]
                    self.assertIn(f'openstack {first}', text)

    def test_each_command_can_be_parsed(self) -> None:
        parsers = {
            name.replace('_', ' '): inventory.parser_of(class_)
            for name, class_ in inventory.commands().items()
        }
        for picture in PICTURES:
            for shot in picture.shots:
                words = shlex.split(shot.arguments)
                with self.subTest(shot.arguments):
                    parsers[' '.join(words[:3])].parse_args(words[3:])

    def test_each_picture_is_on_a_page_with_its_alternative_text(self) -> None:
        shown = figures()
        self.assertLessEqual(set(shown), set(paths()))
        for picture in PICTURES:
            with self.subTest(picture.name):
                self.assertEqual(shown.get(picture.name), picture.alternative)
