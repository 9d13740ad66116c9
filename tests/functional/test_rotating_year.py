# SPDX-License-Identifier: Apache-2.0
"""A year of a rotation: Cinder's clock runs from night to night."""

from datetime import datetime, timedelta

from tests.functional.rotating import RotateTest, Row

#: Days between two runs; each run takes half a second.
STEP = 10
DAYS = 13 * 31
FAILING = range(70, DAYS, 70)

LONGEST_CHAIN = 4
OLDEST_FULL = timedelta(days=41)
LAST, MONTHS = 3, 12
OPTIONS = (
    f'--all-volumes --full-every {OLDEST_FULL.days}d --max-chain {LONGEST_CHAIN} '
    f'--keep-last {LAST} --keep-monthly {MONTHS} --auto-approve'
)


class YearTest(RotateTest):
    """Thirteen months of two volumes, of which one fails now and then."""

    def test_year_leaves_what_the_rules_keep(self) -> None:
        steady, troubled = self.make_volume(), self.make_volume()
        self.made: dict[str, list[Row]] = {steady: [], troubled: []}
        for ago in range(DAYS // STEP * STEP, -1, -STEP):
            self.live_through(ago, troubled if ago in FAILING else None)
        for volume, made in self.made.items():
            with self.subTest(volume=volume):
                self.assertEqual(set(self.backups(volume)), self.expected(made))
        self.assertEqual(set(self.statuses()), {'available'})
        self.assert_all_restore()

    def live_through(self, ago: int, failing: str | None) -> None:
        """Run the rotation on a day, and check what it has done to each volume."""
        if failing:
            self.box.faults.fail_next('create', failing, 'no space')
        before = self.backups()
        rows = self.rotate_on(ago, OPTIONS, status=4 if failing else 0)
        after = self.backups()
        self.assert_whole_chains()
        for volume, row in rows.items():
            if volume == failing:
                self.assertLess(_of(volume, before), _of(volume, after))
            else:
                self.made[volume].append(after[row['Backup']])
                self.check_chain(after, row['Backup'])

    def check_chain(self, backups: dict[str, Row], newest: str) -> None:
        """Expect that a new backup has a chain that the options allow."""
        chain = [backups[newest]]
        while chain[-1]['parent_id']:
            chain.append(backups[chain[-1]['parent_id']])
        self.assertEqual({each['status'] for each in chain}, {'available'})
        self.assertLessEqual(len(chain), LONGEST_CHAIN)
        self.assertLess(_date(chain[0]) - _date(chain[-1]), OLDEST_FULL)

    def expected(self, made: list[Row]) -> set[str]:
        """Return which of all backups of a volume the rules keep, with their ancestors."""
        newest_of_month = {f'{_date(row):%Y-%m}': row['id'] for row in made}
        ahead = [*list(newest_of_month.values())[-MONTHS:], *(row['id'] for row in made[-LAST:])]
        parents = {row['id']: row['parent_id'] for row in made}
        kept: set[str] = set()
        while ahead:
            id_ = ahead.pop()
            kept.add(id_)
            ahead += [parents[id_]] if parents[id_] else []
        return kept


def _of(volume: str, backups: dict[str, Row]) -> set[str]:
    return {id_ for id_, row in backups.items() if row['volume_id'] == volume}


def _date(row: Row) -> datetime:
    return datetime.fromisoformat(row['created_at'])
