# SPDX-License-Identifier: Apache-2.0
import unittest

from hypothesis import given
from hypothesis import strategies as st

from backupext.cli.drawing import encodable, guides
from backupext.core.models import Backup
from backupext.core.tree import Node


def nodes(parents: dict[str, str | None]) -> list[Node]:
    """Return backups from pairs of backup and parent."""
    return [Node(Backup(id_), parent, is_certain=True) for id_, parent in parents.items()]


def drawn(**parents: str | None) -> list[str]:
    """Draw backups from pairs of backup and parent."""
    return [f'{guide}{node.backup.id}' for guide, node in guides(nodes(parents))]


def read(drawing: list[str]) -> dict[str, str | None]:
    """Return the parents in a drawing, found as a reader finds them.

    A parent is the backup above in the same column or, where a column begins, above the fork.
    """
    parents: dict[str, str | None] = {}
    columns: dict[int, str] = {}
    for line in drawing:
        guide, _, id_ = line.rpartition(' ')
        column = max(len(guide) - 1, 0)
        fork = guide.find('├─')
        if fork >= 0:
            parents[id_] = columns[fork]
        else:
            parents[id_] = columns[column] if guide[-1:] in {'├', '└'} else None
        columns[column] = id_
    return parents


@st.composite
def forests(draw: st.DrawFn) -> dict[str, str | None]:
    """Draw a parent for each backup: none or an earlier one."""
    count = draw(st.integers(0, 12))
    return {
        f'b{number}': draw(st.sampled_from([None, *(f'b{earlier}' for earlier in range(number))]))
        for number in range(count)
    }


class GuidesTest(unittest.TestCase):
    def test_empty_tree_has_no_lines(self) -> None:
        self.assertEqual(drawn(), [])

    def test_straight_chain_is_not_indented(self) -> None:
        self.assertEqual(drawn(a=None, b='a', c='b'), ['┌ a', '├ b', '└ c'])

    def test_chains_follow_each_other(self) -> None:
        self.assertEqual(
            drawn(a=None, b=None, c='a', d='b', e=None), ['┌ a', '└ c', '┌ b', '└ d', '  e']
        )

    def test_branch_starts_below_its_parent_and_last_child_is_not_indented(self) -> None:
        self.assertEqual(
            drawn(a=None, b='a', c='b', d='b', e='a', f='e', g='e'),
            ['┌ a', '├─┬ b', '│ ├── c', '│ └ d', '├ e', '├── f', '└ g'],
        )

    def test_three_branches_start_in_the_same_column(self) -> None:
        self.assertEqual(
            drawn(a=None, b='a', c='b', d='a', e='d', f='a'),
            ['┌ a', '├─┬ b', '│ └ c', '├─┬ d', '│ └ e', '└ f'],
        )

    def test_backup_with_missing_parent_begins_a_chain(self) -> None:
        self.assertEqual(drawn(b='gone', c='b'), ['┌ b', '└ c'])

    def test_long_chain_does_not_overflow_the_stack(self) -> None:
        parents = {f'b{number}': f'b{number - 1}' if number else None for number in range(5000)}
        self.assertEqual({line[:2] for line in drawn(**parents)[1:-1]}, {'├ '})

    def test_deep_branches_do_not_overflow_the_stack(self) -> None:
        parents: dict[str, str | None] = {'b0': None}
        for number in range(1, 2000):
            parents |= {f'b{number}': f'b{number - 1}', f'c{number}': f'b{number - 1}'}
        self.assertEqual(read(drawn(**parents)), parents)

    @given(forests())
    def test_drawing_shows_which_backup_each_one_builds_on(
        self, parents: dict[str, str | None]
    ) -> None:
        self.assertEqual(read(drawn(**parents)), parents)

    @given(forests())
    def test_only_branches_indent(self, parents: dict[str, str | None]) -> None:
        last = {parent: id_ for id_, parent in parents.items()}
        depth: dict[str | None, int] = {None: 0}
        for id_, parent in parents.items():
            branches = parent is not None and last[parent] != id_
            depth[id_] = depth[parent] + branches
        for guide, node in guides(nodes(parents)):
            self.assertEqual(len(guide), 2 + 2 * depth[node.backup.id])


class EncodingTest(unittest.TestCase):
    def test_line_stays_where_the_encoding_has_its_characters(self) -> None:
        for encoding in ('utf-8', 'cp437', None):
            with self.subTest(encoding):
                self.assertEqual(encodable('├─┬ full b1', encoding), '├─┬ full b1')

    def test_guides_are_plain_and_names_escaped_otherwise(self) -> None:
        lines = ('┌ full größer', '│ ├─┬ incremental b1', '└ incremental b2')
        self.assertEqual(
            [encodable(line, 'ascii') for line in lines],
            [r', full gr\xf6\xdfer', '| |-+ incremental b1', '` incremental b2'],
        )
        self.assertEqual(encodable(lines[0], 'iso-8859-1'), ', full größer')
