# SPDX-License-Identifier: Apache-2.0

from tests.unit.commands.listing import LIST, ListTest, a_limit_is_a_page, a_limit_is_a_total
from tests.unit.rows import ID, OTHER_ID, backup


class PagesTest(ListTest):
    def test_a_next_link_is_followed_by_the_last_id(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID), query=f'?marker={ID}')
        self.assert_prints(LIST, f'{ID}\n{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_a_cloud_that_ignores_the_marker_does_not_keep_us_forever(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(), query=f'?marker={ID}', more=True)
        self.assertEqual(self.openstack(LIST).status, 0)
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_an_empty_page_is_the_last(self) -> None:
        self.on_list(more=True)
        self.assert_prints(LIST, '')
        self.assert_asked('GET /backups/detail')

    @a_limit_is_a_page
    def test_a_limit_is_the_size_of_a_page(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --limit 1', f'{ID}\n{OTHER_ID}\n')

    @a_limit_is_a_total
    def test_a_limit_is_a_total(self) -> None:
        for options in ('--limit 1', '--limit 1 --max-items 2', '--limit 2 --max-items 1'):
            with self.subTest(options):
                self.use_cloud()
                self.on_list(backup(), query='?limit=1', more=True)
                self.assert_prints(f'{LIST} {options}', f'{ID}\n')
                self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_below_a_page_asks_for_no_more(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')
        self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_wins_over_a_larger_limit(self) -> None:
        self.assert_lists('--max-items 1 --limit 5', '?limit=1')

    @a_limit_is_a_page
    def test_max_items_above_a_page_cuts_the_last_one(self) -> None:
        third = '11111111-aaaa-4bbb-8ccc-000000000003'
        self.on_list(backup(), backup(OTHER_ID), query='?limit=2', more=True)
        rows = [backup(third), backup('11111111-aaaa-4bbb-8ccc-000000000004')]
        self.on_list(*rows, query=f'?limit=2&marker={OTHER_ID}', more=True)
        self.assert_prints(f'{LIST} --limit 2 --max-items 3', f'{ID}\n{OTHER_ID}\n{third}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_is_heeded_where_the_cloud_gives_more(self) -> None:
        self.on_list(backup(), backup(OTHER_ID), query='?limit=1')
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')

    def test_none_wanted_none_asked_for(self) -> None:
        for options in ('--max-items 0', '--limit 0', '--limit 0 --max-items 5'):
            with self.subTest(options):
                self.assert_prints(f'{LIST} {options}', '')
                self.assert_asked()

    def test_a_negative_number_is_a_usage_error(self) -> None:
        for option in ('--limit', '--max-items'):
            with self.subTest(option):
                self.assert_misused(
                    f'{LIST} {option} -1',
                    f'argument {option}: {option} expected a non-negative integer',
                )

    def test_a_marker_by_id_costs_no_look(self) -> None:
        self.assert_lists(f'--marker {OTHER_ID}', f'?marker={OTHER_ID}')
        self.assert_asked(f'GET /backups/detail?marker={OTHER_ID}')

    def test_a_marker_by_name_is_looked_up(self) -> None:
        self.on_list(backup(OTHER_ID, name='web'), query='?name=web')
        self.assert_lists('--marker web', f'?marker={OTHER_ID}')

    def test_a_failure_on_a_later_page_is_told(self) -> None:
        self.on_list(backup(), more=True)
        self.cloud.refuse(f'GET /backups/detail?marker={ID}', 503, 'Busy.')
        self.assert_fails(
            'volume backup list -f json',
            'Cannot list backups: the service is not available (the server said: Busy). '
            'Try again later.',
        )
