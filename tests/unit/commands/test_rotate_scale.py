# SPDX-License-Identifier: Apache-2.0
import re
import sys
import tracemalloc
from collections import Counter
from types import FrameType
from typing import Any

from backupext.operations import rotate
from tests.unit.commands.test_rotate import THREE_LISTS, RotateTest

OPTIONS = '--all-volumes --max-chain 1 --keep-last 1 --auto-approve'
#: A day before the simulated night.
LAST_NIGHT = '2026-10-19T02:00:00.000000'
PACKAGE = rotate.__file__.rpartition('operations')[0]

_ID = re.compile(r'[0-9a-f]{8}-[0-9a-f-]{27}')


class ScaleTest(RotateTest):
    def rotate_many(self, volumes: int, backups: int, options: str = OPTIONS) -> None:
        """Run a night of many volumes, of which some have a backup that must be deleted."""
        self.use_rotating(takes=0.5)
        self.cloud.most = 100 * volumes
        label = {'backupext:rotation': 'rotation'}
        times = dict.fromkeys(('created_at', 'updated_at', 'data_timestamp'), LAST_NIGHT)
        for number in range(volumes):
            id_ = self.cloud.hold(number)
            if number < backups:
                self.cloud.keep(number, volume_id=id_, size=1, metadata=label, **times)
        rows = self.rotate(options)
        self.assertEqual(Counter(row['Result'] for row in rows.values()), {'created': volumes})
        self.assertEqual(sum(row['Deleted'] for row in rows.values()), backups)

    def test_requests_of_2000_volumes(self) -> None:
        self.rotate_many(2000, 200, f'{OPTIONS} --concurrency 50')
        self.assertEqual(self.cloud.lines[:3], THREE_LISTS)
        count = Counter(_ID.sub('ID', line.partition('?')[0]) for line in self.cloud.lines[3:])
        polls = count.pop('GET /backups/detail')
        self.assertLessEqual(polls, len(self.clock.sleeps))
        self.assertEqual(
            count,
            {
                'POST /backups': 2000,
                'DELETE /backups/ID': 200,
                # Before each deletion, and when it is over.
                'GET /backups/ID': 400,
            },
        )

    def test_work_grows_linearly(self) -> None:
        few, many = self.calls(200), self.calls(400)
        self.assertLess(many, 2.2 * few)

    def calls(self, volumes: int) -> int:
        """Count the calls of the plugin's functions in a run."""
        count = 0

        def see(frame: FrameType, event: str, _argument: Any) -> None:
            nonlocal count
            count += event == 'call' and frame.f_code.co_filename.startswith(PACKAGE)

        before = sys.getprofile()
        sys.setprofile(see)
        try:
            self.rotate_many(volumes, 20)
        finally:
            sys.setprofile(before)
        return count

    def test_memory_grows_linearly(self) -> None:
        few, many = self.memory(200), self.memory(400)
        self.assertLess(many, 2.2 * few)

    def memory(self, volumes: int) -> int:
        """Return the largest number of bytes in use during a run, the simulated cloud included."""
        tracemalloc.start()
        try:
            self.rotate_many(volumes, 20)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
