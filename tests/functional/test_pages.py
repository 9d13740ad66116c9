# SPDX-License-Identifier: Apache-2.0
"""Lists of several pages, while another command deletes rows."""

import json
import unittest

from backupext.core import releases
from tests.functional.faults import ProxyTest, before_arrival, pass_on
from tests.releases import installed


@unittest.skipIf(releases.LIMIT_PER_PAGE.applies(installed()), '--limit is no page size here')
class MarkerTest(ProxyTest):
    """The marker of the next page was deleted, and Cinder no longer knows it."""

    def make_backups(self, number: int) -> list[str]:
        """Create full backups; return their IDs, newest first."""
        volume = self.make_volume()
        return [self.make_backup(volume) for _ in range(number)][::-1]

    def remove(self, *backups: str) -> None:
        for backup in backups:
            self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)

    def listed(self, volume_of: str, page: int) -> list[str]:
        """List the backups of a backup's volume in pages; return their IDs."""
        ((volume,),) = self.sql('SELECT volume_id FROM backups WHERE id = ?', volume_of)
        printed = self.backup(f'list --volume {volume} --limit {page} -f json')
        return [row['ID'] for row in json.loads(printed)]

    def assert_lists_all(self, ids: list[str], page: int, pages_read: int, *gone: str) -> None:
        """Expect all rows once and in order, although some are deleted between pages."""
        self.proxy.forget()
        read = [pass_on] * pages_read
        self.proxy.script('GET /backups/detail', *read, before_arrival(lambda: self.remove(*gone)))
        self.assertEqual(self.listed(ids[0], page), ids)
        self.assertIn(404, [request.status for request in self.proxy.requests])

    def test_list_continues_after_the_previous_row(self) -> None:
        ids = self.make_backups(4)
        self.assert_lists_all(ids, 1, 2, ids[1])

    def test_list_starts_again_if_all_previous_rows_are_gone(self) -> None:
        ids = self.make_backups(5)
        self.assert_lists_all(ids, 2, 1, ids[0], ids[1])

    def test_list_goes_back_several_pages(self) -> None:
        ids = self.make_backups(5)
        self.assert_lists_all(ids, 1, 4, ids[1], ids[2], ids[3])
