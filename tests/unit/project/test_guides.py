# SPDX-License-Identifier: Apache-2.0
"""The guides cover every command and option, and no others."""

import re
import subprocess
import unittest

from tests.restructuredtext import code
from tests.unit.project.pages import command_lines, guides
from tests.unit.project.typed import PREFIX, command_of, names, own_options, parsers


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

    def test_every_transcript_has_existing_commands(self) -> None:
        known = parsers()
        for path, text in guides().items():
            for arguments in command_lines(text):
                with self.subTest(path, arguments=arguments):
                    self.assertIn(command_of(arguments), known)

    def test_every_transcript_has_existing_options(self) -> None:
        known = parsers()
        for path, text in guides().items():
            for arguments in command_lines(text):
                options = {part for part in arguments if part.startswith('-')}
                with self.subTest(path, arguments=arguments):
                    self.assertLessEqual(options, names(known[command_of(arguments)]))

    def test_every_script_is_valid(self) -> None:
        for path, text in guides().items():
            for block in code(text, 'sh'):
                with self.subTest(path, block=block):
                    read = subprocess.run(
                        ['/bin/sh', '-n'], input=block.encode(), check=False, capture_output=True
                    )
                    self.assertEqual((read.returncode, read.stderr), (0, b''))


def _is_named(option: str, text: str) -> bool:
    return re.search(rf'(?<![\w-]){re.escape(option)}(?![\w-])', text) is not None
