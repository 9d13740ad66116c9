# SPDX-License-Identifier: Apache-2.0
"""Lists of several pages, while somebody else deletes what has been read."""

import json
import unittest

from backupext.core import releases
from tests.functional.faults import ProxyTest, meanwhile, pass_on
from tests.releases import installed


@unittest.skipIf(releases.LIMIT_PER_PAGE.applies(installed()), '--limit is no page size here')
class MarkerTest(ProxyTest):
    """The row behind which the next page begins is gone: Cinder does not know it any more."""

    def make_backups(self, number: int) -> list[str]:
        """Make full backups; give their IDs, the newest first."""
        volume = self.make_volume()
        return [self.make_backup(volume) for _ in range(number)][::-1]

    def remove(self, *backups: str) -> None:
        for backup in backups:
            self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)

    def listed(self, volume_of: str, page: int) -> list[str]:
        """List the backups of a backup's volume in pages; give their IDs."""
        ((volume,),) = self.sql('SELECT volume_id FROM backups WHERE id = ?', volume_of)
        printed = self.backup(f'list --volume {volume} --limit {page} -f json')
        return [row['ID'] for row in json.loads(printed)]

    def assert_lists_all(self, ids: list[str], page: int, pages_read: int, *gone: str) -> None:
        """Expect all rows once and in order, although some go when pages have been read."""
        self.proxy.forget()
        read = [pass_on] * pages_read
        self.proxy.script('GET /backups/detail', *read, meanwhile(lambda: self.remove(*gone)))
        self.assertEqual(self.listed(ids[0], page), ids)
        self.assertIn(404, [request.status for request in self.proxy.requests])

    def test_the_list_goes_on_behind_the_row_before(self) -> None:
        ids = self.make_backups(4)
        self.assert_lists_all(ids, 1, 2, ids[1])

    def test_it_begins_again_where_everything_before_is_gone(self) -> None:
        ids = self.make_backups(5)
        self.assert_lists_all(ids, 2, 1, ids[0], ids[1])

    def test_it_goes_back_over_several_pages(self) -> None:
        ids = self.make_backups(5)
        self.assert_lists_all(ids, 1, 4, ids[1], ids[2], ids[3])
