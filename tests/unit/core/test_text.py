# SPDX-License-Identifier: Apache-2.0
import unicodedata
import unittest
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from backupext.core.text import one_sentence, visible

#: Control, format, surrogate, and the separators of lines and paragraphs.
UNSAFE: Final = ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')

# The name of this argument depends on the release of hypothesis.
_unsafe = st.sampled_from(
    [char for char in map(chr, range(0xE000)) if unicodedata.category(char) in UNSAFE]
)
any_text = st.text(st.one_of(st.characters(), _unsafe))
unsafe_text = st.text(_unsafe, min_size=1)
printable = any_text.map(lambda text: ''.join(char for char in text if char.isprintable()))


def is_safe(text: str) -> bool:
    return not any(unicodedata.category(char) in UNSAFE for char in text)


class VisibleTest(unittest.TestCase):
    def test_escape_sequence_is_escaped(self) -> None:
        self.assertEqual(visible('a\x1b[31mb'), r'a\x1b[31mb')

    def test_line_break_is_escaped(self) -> None:
        self.assertEqual(visible('a\nb\tc\r\u2028'), r'a\nb\tc\r\u2028')

    def test_text_direction_mark_is_escaped(self) -> None:
        self.assertEqual(visible('a\u202eb\u200b'), r'a\u202eb\u200b')

    def test_undecodable_byte_is_escaped(self) -> None:
        self.assertEqual(visible('a\udcff'), r'a\udcff')

    def test_letters_of_all_scripts_are_not_escaped(self) -> None:
        self.assertEqual(visible('Žluťoučký 備份 🗄 \\n'), 'Žluťoučký 備份 🗄 \\n')

    def test_unusual_space_is_kept_next_to_escaped_text(self) -> None:
        self.assertEqual(visible('a\u00a0b\x07'), 'a\u00a0b\\x07')

    @given(any_text)
    def test_no_control_character_remains(self, text: str) -> None:
        self.assertTrue(is_safe(visible(text)))

    @given(unsafe_text, any_text)
    def test_unsafe_characters_are_not_dropped(self, unsafe: str, text: str) -> None:
        self.assertGreaterEqual(len(visible(unsafe + text)), len(text) + 2 * len(unsafe))

    @given(printable)
    def test_printable_text_is_unchanged(self, text: str) -> None:
        self.assertEqual(visible(text), text)

    @given(printable, unsafe_text, printable)
    def test_printable_text_around_unsafe_characters_is_unchanged(
        self, before: str, unsafe: str, after: str
    ) -> None:
        shown = visible(before + unsafe + after)
        self.assertTrue(shown.startswith(before + '\\'))
        self.assertTrue(shown.endswith(after))

    @given(any_text)
    def test_escaped_text_is_not_escaped_again(self, text: str) -> None:
        self.assertEqual(visible(visible(text)), visible(text))


class OneSentenceTest(unittest.TestCase):
    def test_lines_are_joined_and_the_full_stop_removed(self) -> None:
        self.assertEqual(
            one_sentence('Invalid backup:\n  no such thing.\n'), 'Invalid backup: no such thing'
        )

    def test_regular_expression_of_a_schema_is_left_out(self) -> None:
        answer = (
            "Invalid input for field/attribute description. Value: a\nb. 'a\\nb' does not match "
            "'^[" + '\\x20-\\x7e' * 500 + "]*$'"
        )
        self.assertEqual(
            one_sentence(answer),
            "Invalid input for field/attribute description. Value: a b. 'a\\nb' does not match "
            'what Block Storage allows',
        )

    def test_escape_sequence_in_an_answer_is_escaped(self) -> None:
        self.assertEqual(one_sentence('\x1b[2Jgone'), r'\x1b[2Jgone')

    def test_long_answer_is_shortened_visibly(self) -> None:
        said = one_sentence('word ' * 1000)
        self.assertLess(len(said), 310)
        self.assertTrue(said.startswith('word word'))
        self.assertTrue(said.endswith('word word'))
        self.assertIn(' [...] ', said)

    def test_reason_at_the_end_of_a_long_answer_is_kept(self) -> None:
        for value in ('v' * 256, 'a value ' * 40):
            with self.subTest(value[:8]):
                answer = (
                    f"Invalid input for field/attribute name. Value: {value}. '{value}' is too long"
                )
                said = one_sentence(answer)
                self.assertTrue(said.startswith('Invalid input for field/attribute name. Value: '))
                self.assertTrue(said.endswith("' is too long"))

    def test_empty_answer_remains_empty(self) -> None:
        self.assertEqual(one_sentence(' \n'), '')

    @given(any_text | any_text.map(lambda text: text * 100))
    def test_result_is_one_short_safe_line(self, answer: str) -> None:
        said = one_sentence(answer)
        self.assertLessEqual(len(said), 307)
        self.assertEqual(said.splitlines(), [said] if said else [])
        self.assertTrue(is_safe(said))

    @given(any_text)
    def test_result_does_not_end_with_a_full_stop(self, answer: str) -> None:
        self.assertFalse(one_sentence(answer).endswith('.'))
