# SPDX-License-Identifier: Apache-2.0
import unittest

from tests.restructuredtext import Block, Step, blocks, code, section, steps, warnings_of


class BlockTest(unittest.TestCase):
    PAGE = """
Text.

.. code-block:: python
   :caption: a.py
   :emphasize-lines: 2

       first
       second

   third

More text.

.. code-block:: rst

   .. code-block:: console

      $ no

- An item:

  .. replayed: a cloud

  .. code-block:: console

     $ yes

Last.
"""

    def test_blocks_keep_their_indentation_and_end_with_it(self) -> None:
        python, rst, _ = blocks(self.PAGE)
        self.assertEqual(python.lines, ['    first', '    second', '', 'third'])
        self.assertEqual(rst.lines, ['.. code-block:: console', '', '   $ no'])

    def test_options_are_read(self) -> None:
        python, rst, _ = blocks(self.PAGE)
        self.assertEqual(python.options, {'caption': 'a.py', 'emphasize-lines': '2'})
        self.assertEqual(rst.options, {})

    def test_comment_directly_above_a_block_is_read(self) -> None:
        self.assertEqual(
            [block.comment for block in blocks(self.PAGE)], ['', '', 'replayed: a cloud']
        )

    def test_nested_block_is_not_a_block_of_the_page(self) -> None:
        self.assertEqual(code(self.PAGE, 'console'), ['$ yes\n'])


class StepTest(unittest.TestCase):
    def steps(self, *lines: str) -> list[Step]:
        return list(steps(Block('console', {}, list(lines))))

    def test_transcript_is_split_into_steps(self) -> None:
        self.assertEqual(
            self.steps('$ one', 'a', 'b', '$ two'), [Step('one', 'a\nb\n'), Step('two', '')]
        )

    def test_command_may_continue_on_the_next_line(self) -> None:
        (step,) = self.steps('$ one \\', '    two', 'a')
        self.assertEqual((step.command, step.shown), ('one     two', 'a\n'))


class SectionTest(unittest.TestCase):
    PAGE = """
=====
Title
=====

First
=====

one

Second
======

two
"""

    def test_section_ends_at_the_next_title(self) -> None:
        self.assertEqual(section(self.PAGE, 'First').strip(), 'one')
        self.assertEqual(section(self.PAGE, 'Second').strip(), 'two')


class WarningTest(unittest.TestCase):
    def test_valid_text_has_no_warnings(self) -> None:
        self.assertEqual(warnings_of('Some title\n==========\n\n``code``\n'), '')

    def test_invalid_text_has_warnings(self) -> None:
        self.assertIn('Title underline too short', warnings_of('Some title\n=====\n'))
        self.assertIn('Unknown interpreted text role', warnings_of(':doc:`user/index`'))
