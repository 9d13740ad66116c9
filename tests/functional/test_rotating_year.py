# SPDX-License-Identifier: Apache-2.0
"""A year of a rotation: Cinder's clock runs from night to night."""

from datetime import datetime, timedelta

from tests.functional.rotating import RotateTest, Row

#: A run every so many days is enough; each takes half a second.
STEP = 5
LONGEST_CHAIN = 5
OLDEST_FULL = timedelta(days=30)
LAST, MONTHS = 3, 12

OPTIONS = (
    f'--all-volumes --full-every {OLDEST_FULL.days}d --max-chain {LONGEST_CHAIN} '
    f'--keep-last {LAST} --keep-monthly {MONTHS} --auto-approve'
)


class YearTest(RotateTest):
    """Thirteen months, with failures now and then."""

    def test_year_leaves_what_the_rules_keep(self) -> None:
        steady, troubled = self.make_volume(), self.make_volume()
        self._made: dict[str, list[Row]] = {steady: [], troubled: []}
        ago = 13 * 31
        while ago >= 0:
            self._live_through(ago, troubled if ago % 35 == 0 else None)
            ago -= STEP
        for volume, made in self._made.items():
            with self.subTest(volume=volume):
                self.assertGreater(len(made), 60)
                self.assertEqual(set(self.backups(volume)), self._expected(made))
        self.assert_all_restore()

    def _live_through(self, ago: int, failing: str | None) -> None:
        if failing:
            self.box.faults.fail_next('create', failing, 'no space')
        before = self.backups()
        rows = self.rotate_on(ago, OPTIONS, status=4 if failing else 0)
        after = self.backups()
        self.assert_whole_chains()
        for volume, row in rows.items():
            if volume == failing:
                self.assertLessEqual(self._of(volume, before), self._of(volume, after))
                continue
            self._made[volume].append(after[row['Backup']])
            self._check_chain(after, row['Backup'])

    def _of(self, volume: str, backups: dict[str, Row]) -> set[str]:
        return {id_ for id_, row in backups.items() if row['volume_id'] == volume}

    def _check_chain(self, backups: dict[str, Row], newest: str) -> None:
        chain = [backups[newest]]
        while chain[-1]['parent_id']:
            chain.append(backups[chain[-1]['parent_id']])
        self.assertEqual({each['status'] for each in chain}, {'available'})
        self.assertLessEqual(len(chain), LONGEST_CHAIN)
        self.assertLess(_date(chain[0]) - _date(chain[-1]), OLDEST_FULL)

    def _expected(self, made: list[Row]) -> set[str]:
        """Return what the rules keep of all backups of the year, with their ancestors."""
        of_month = {f'{_date(row):%Y-%m}': row['id'] for row in made}
        kept = {*list(of_month.values())[-MONTHS:], *(row['id'] for row in made[-LAST:])}
        parents = {row['id']: row['parent_id'] for row in made}
        ahead = list(kept)
        while ahead:
            parent = parents[ahead.pop()]
            if parent and parent not in kept:
                kept.add(parent)
                ahead.append(parent)
        return kept


def _date(row: Row) -> datetime:
    return datetime.fromisoformat(row['created_at'])
