# SPDX-License-Identifier: Apache-2.0
"""Completions of bash with the output of ``openstack complete``."""

import shlex
import shutil
import subprocess
import unittest

from tests.unit.project import inventory
from tests.unit.shell import run

BASH = shutil.which('bash')

# What OSC's function takes from the package bash-completion: the words of the line, the one that
# is being typed and the one before.
WORDS = r"""
_get_comp_words_by_ref() {
  words=("${COMP_WORDS[@]}"); cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}
}
"""
PROPOSE = r"""
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p openstack | sed 's/.* -F \([^ ]*\) .*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
"""


@unittest.skipUnless(BASH, 'There is no bash on this machine, and it is the completion of bash.')
class CompletionTest(unittest.TestCase):
    script: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.script = run('complete --name openstack', {}).stdout

    def proposed(self, line: str) -> set[str]:
        """Return the completions at the end of the line; a space begins a new word."""
        words = shlex.join([*shlex.split(line), ''] if line.endswith(' ') else shlex.split(line))
        typed = f'COMP_WORDS=({words})\n'
        answer = subprocess.run(
            [str(BASH), '--norc', '-s'],
            input=WORDS + self.script + typed + PROPOSE,
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(answer.stderr, '')
        return set(answer.stdout.split())

    def test_every_command_is_offered(self) -> None:
        verbs = {name.split('_')[2] for name in inventory.commands()}
        self.assertEqual(self.proposed('openstack volume backup '), verbs)

    def test_command_is_completed(self) -> None:
        for beginning, verbs in {
            'pr': {'prune'},
            'w': {'wait'},
            'su': {'summary'},
            'tr': {'tree'},
            'record i': {'import'},
        }.items():
            with self.subTest(beginning):
                self.assertEqual(self.proposed(f'openstack volume backup {beginning}'), verbs)

    def test_option_is_completed(self) -> None:
        for beginning, options in {
            'create --w': {'--wait'},
            'list --be': {'--before'},
            'prune --keep-w': {
                *('--keep-weekly', '--keep-within', '--keep-within-hourly', '--keep-within-daily'),
                *('--keep-within-weekly', '--keep-within-monthly', '--keep-within-yearly'),
            },
        }.items():
            with self.subTest(beginning):
                self.assertEqual(self.proposed(f'openstack volume backup {beginning}'), options)

    def test_hidden_options_are_not_offered(self) -> None:
        self.assertEqual(self.proposed('openstack volume backup list --vol'), {'--volume'})
        self.assertEqual(
            self.proposed('openstack volume backup list --p'),
            {'--print-empty', '--project', '--property'},
        )
        self.assertEqual(self.proposed('openstack volume backup create --volume'), set())
