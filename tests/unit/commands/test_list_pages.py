# SPDX-License-Identifier: Apache-2.0

from tests.unit.commands.listing import LIST, ListTest, a_limit_is_a_page, a_limit_is_a_total
from tests.unit.rows import ID, OTHER_ID, backup


class PagesTest(ListTest):
    def test_next_page_begins_after_the_last_id(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID), query=f'?marker={ID}')
        self.assert_prints(LIST, f'{ID}\n{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_list_ends_if_the_cloud_ignores_markers(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(), query=f'?marker={ID}', more=True)
        self.assertEqual(self.openstack(LIST).status, 0)
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    def test_empty_page_ends_the_list(self) -> None:
        self.on_list(more=True)
        self.assert_prints(LIST, '')
        self.assert_asked('GET /backups/detail')

    @a_limit_is_a_page
    def test_limit_is_the_page_size(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --limit 1', f'{ID}\n{OTHER_ID}\n')

    @a_limit_is_a_total
    def test_limit_is_the_total_with_old_osc(self) -> None:
        for options in ('--limit 1', '--limit 1 --max-items 2', '--limit 2 --max-items 1'):
            with self.subTest(options):
                self.use_cloud()
                self.on_list(backup(), query='?limit=1', more=True)
                self.assert_prints(f'{LIST} {options}', f'{ID}\n')
                self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_below_the_page_size_reduces_the_page(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')
        self.assert_asked('GET /backups/detail?limit=1')

    def test_max_items_takes_precedence_over_a_larger_limit(self) -> None:
        self.assert_lists('--max-items 1 --limit 5', '?limit=1')

    @a_limit_is_a_page
    def test_max_items_above_the_page_size_shortens_the_last_page(self) -> None:
        third = '11111111-aaaa-4bbb-8ccc-000000000003'
        self.on_list(backup(), backup(OTHER_ID), query='?limit=2', more=True)
        rows = [backup(third), backup('11111111-aaaa-4bbb-8ccc-000000000004')]
        self.on_list(*rows, query=f'?limit=2&marker={OTHER_ID}', more=True)
        self.assert_prints(f'{LIST} --limit 2 --max-items 3', f'{ID}\n{OTHER_ID}\n{third}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_applies_if_the_cloud_returns_more(self) -> None:
        self.on_list(backup(), backup(OTHER_ID), query='?limit=1')
        self.assert_prints(f'{LIST} --max-items 1', f'{ID}\n')

    def test_max_items_of_zero_sends_no_request(self) -> None:
        for options in ('--max-items 0', '--limit 0', '--limit 0 --max-items 5'):
            with self.subTest(options):
                self.assert_prints(f'{LIST} {options}', '')
                self.assert_asked()

    def test_negative_number_is_a_usage_error(self) -> None:
        for option in ('--limit', '--max-items'):
            with self.subTest(option):
                self.assert_misused(
                    f'{LIST} {option} -1',
                    f'argument {option}: {option} expected a non-negative integer',
                )

    def test_marker_id_needs_no_look_up(self) -> None:
        self.assert_lists(f'--marker {OTHER_ID}', f'?marker={OTHER_ID}')
        self.assert_asked(f'GET /backups/detail?marker={OTHER_ID}')

    def test_marker_name_is_looked_up(self) -> None:
        self.on_list(backup(OTHER_ID, name='web'), query='?name=web')
        self.assert_lists('--marker web', f'?marker={OTHER_ID}')

    def test_failure_on_a_later_page_is_reported(self) -> None:
        self.on_list(backup(), more=True)
        self.cloud.refuse(f'GET /backups/detail?marker={ID}', 503, 'Busy.')
        self.assert_fails(
            'volume backup list -f json',
            'Cannot list backups: the service is not available (the server said: Busy). '
            'Try again later.',
        )
