# SPDX-License-Identifier: Apache-2.0
"""The base of the tests of ``volume backup list``."""

import unittest
from typing import Any

from backupext.core import releases
from tests.releases import installed
from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest

PROJECT = 'os-backup-project-attr:project_id'
THIRD = '11111111-aaaa-4bbb-8ccc-000000000003'
LIST = 'volume backup list -f value -c ID'

_IS_TOTAL = releases.LIMIT_PER_PAGE.applies(installed())
a_limit_is_a_page = unittest.skipIf(_IS_TOTAL, 'With this OSC --limit is the number in total.')
a_limit_is_a_total = unittest.skipUnless(_IS_TOTAL, 'With this OSC --limit is the size of a page.')
MORE = [{'rel': 'next', 'href': 'http://elsewhere.test/v3/backups/detail?marker=ignored'}]


class ListTest(CommandTest):
    """A test of lists with known rows."""

    def on_list(self, *rows: dict[str, Any], query: str = '', more: bool = False) -> None:
        answer = {'backups': list(rows), **({'backups_links': MORE} if more else {})}
        self.cloud.on(f'GET /backups/detail{query}', answer)

    def assert_leaves(self, options: str, *ids: str, asked: str = '') -> None:
        """Expect these rows, and exactly one list request with this query."""
        self.cloud.asked.clear()
        self.assert_prints(f'{LIST} {options}', ''.join(f'{id_}\n' for id_ in ids))
        self.assert_asked(f'GET /backups/detail{asked}')

    def assert_lists(self, options: str, query: str) -> None:
        self.on_list(backup(), query=query)
        self.assert_prints(f'{LIST} {options}', f'{ID}\n')
        self.assertEqual(self.cloud.lines[-1], f'GET /backups/detail{query}')
