# SPDX-License-Identifier: Apache-2.0
"""The credential of the guide "Back up every night" allows what it must, and no more."""

import json
from pathlib import Path

from tests.functional.api import Restricted
from tests.functional.base import FunctionalTest
from tests.functional.client import ROOT
from tests.restructuredtext import code

PAGE = Path(ROOT, 'doc', 'source', 'user', 'nightly.rst')
ROTATE = 'rotate --max-chain 1 -f value -c Result -c Deleted'
KEEP = '--keep-last 1 --auto-approve'


class CredentialTest(FunctionalTest):
    def rules(self) -> list[tuple[str, str]]:
        """Return the access rules of the page, as methods and paths."""
        (text,) = code(PAGE.read_text('utf-8'), 'json')
        return [(rule['method'], rule['path']) for rule in json.loads(text)]

    def restricted(self, rules: list[tuple[str, str]]) -> dict[str, str]:
        return Restricted(self.project.member, rules).environment

    def test_rules_are_enough_for_a_rotation_that_deletes(self) -> None:
        volume = self.make_volume()
        restricted = self.restricted(self.rules())
        self.backup(f'{ROTATE} {volume}', restricted)
        self.assertEqual(self.backup(f'{ROTATE} {KEEP} {volume}', restricted), 'created 1')

    def test_without_the_last_rule_backups_are_created_and_not_deleted(self) -> None:
        volume = self.make_volume()
        restricted = self.restricted(self.rules()[:-1])
        for _ in range(2):
            self.assertEqual(self.backup(f'{ROTATE} {volume}', restricted), 'created 0')
        newest, _ = self.backup(f'list --volume {volume} -f value -c ID').split()
        self.fails(f'volume backup delete {newest}', restricted)
        # As the page has it, another credential prunes.
        _, look, *_, delete = self.rules()
        prune = f'prune --volume {volume} --property backupext:rotation=rotation {KEEP}'
        self.backup(prune, self.restricted([look, delete]))
        left = self.backup(f'list --volume {volume} -f value -c ID')
        self.assertEqual(left, newest)

    def test_credential_cannot_restore_nor_delete_volumes(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        restricted = self.restricted(self.rules())
        self.fails(f'volume backup restore {backup} --name stolen', restricted)
        account = Restricted(self.project.member, self.rules())
        self.assertEqual(account.refusal('DELETE', f'/volumes/{volume}')[0], 401)
