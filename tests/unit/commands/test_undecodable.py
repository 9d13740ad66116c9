# SPDX-License-Identifier: Apache-2.0
import argparse
from collections.abc import Iterator

from tests.unit.project import inventory
from tests.unit.shell import CommandTest

LONE_BYTE = 'a\udcff'


def places() -> Iterator[tuple[list[str], argparse.Action]]:
    """Yield every command with each of its options and arguments that take a value."""
    for name, class_ in inventory.commands().items():
        for action in inventory.actions(inventory.parser_of(class_)):
            if action.nargs != 0:
                yield name.split('_'), action


class UndecodableTest(CommandTest):
    """Text that is not UTF-8, which Python has with lone surrogates."""

    def test_no_option_or_argument_takes_it(self) -> None:
        for command, action in places():
            with self.subTest(command=command, action=action.dest):
                result = self.openstack([*command, *action.option_strings[-1:], LONE_BYTE])
                # A monitoring plugin reports it on stdout, as an unknown state.
                is_plugin = 'check' in command
                self.assertEqual(result.status, 3 if is_plugin else 2, result.stderr)
                said = result.stdout if is_plugin else result.stderr
                self.assertIn(r'\udcff', said)
                self.assertIn('UTF-8', said)
        self.assert_asked()
