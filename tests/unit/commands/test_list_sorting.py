# SPDX-License-Identifier: Apache-2.0
from tests.unit.commands.listing import LIST, THIRD, ListTest
from tests.unit.rows import ID, OTHER_ID, backup


class SortTest(ListTest):
    def on_texts(self) -> None:
        """Prepare three backups, newest first, that differ in their description only."""
        self.on_list(
            backup(ID, description='b', size=3),
            backup(OTHER_ID, description=None, size=2),
            backup(THIRD, description='a', size=1),
        )

    def test_cloud_sorts_by_its_own_keys(self) -> None:
        for option, sent in (
            ('created_at', 'created_at:desc'),
            ('created_at:asc', 'created_at:asc'),
            ('size:desc,id:asc', 'size:desc,id:asc'),
            ('name:asc', 'display_name:asc'),
            ('volume_id,name', 'volume_id:desc,display_name:desc'),
        ):
            with self.subTest(option):
                self.assert_lists(f'--sort {option}', f'?sort={sent}')

    def test_cloud_limits_and_continues_sorted_lists(self) -> None:
        self.assert_lists(
            f'--sort size --max-items 1 --marker {OTHER_ID}',
            f'?sort=size:desc&marker={OTHER_ID}&limit=1',
        )

    def test_plugin_sorts_by_other_keys_with_missing_values_last(self) -> None:
        self.on_texts()
        self.assert_leaves('--sort description:asc', THIRD, ID, OTHER_ID)
        self.assert_leaves('--sort description', ID, THIRD, OTHER_ID)

    def test_equal_rows_keep_the_order_of_the_next_key_and_the_cloud(self) -> None:
        self.on_list(
            backup(ID, size=1),
            backup(OTHER_ID, is_incremental=True, size=5),
            backup(THIRD, size=2),
        )
        self.assert_leaves('--sort is_incremental:asc', ID, THIRD, OTHER_ID)
        self.assert_leaves('--sort is_incremental:asc,size', THIRD, ID, OTHER_ID)
        self.assert_leaves('--sort is_incremental', OTHER_ID, ID, THIRD)

    def test_all_pages_are_read_before_sorting_and_limiting(self) -> None:
        self.on_list(backup(ID, description='b'), more=True)
        self.on_list(backup(OTHER_ID, description='a'), query=f'?marker={ID}')
        self.assert_prints(f'{LIST} --sort description:asc --max-items 1', f'{OTHER_ID}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_marker_refers_to_the_sorted_list(self) -> None:
        self.on_texts()
        self.assert_leaves(f'--sort description:asc --marker {THIRD}', ID, OTHER_ID)
        self.assert_leaves(f'--sort description:asc --marker {THIRD} --max-items 1', ID)
        self.assert_leaves(f'--sort description:asc --marker {OTHER_ID}')

    def test_unknown_key_or_direction_is_a_usage_error(self) -> None:
        for text, complaint in (
            ('colour', "Invalid sort key 'colour': use one of "),
            ('', "Invalid sort key '': use one of "),
            ('size,', "Invalid sort key '': use one of "),
            ('size:up', "Invalid sort direction 'up': use asc or desc"),
        ):
            with self.subTest(text):
                result = self.openstack([*LIST.split(), '--sort', text])
                self.assertEqual((result.status, result.stdout), (2, ''))
                self.assertIn(f'argument --sort: {complaint}', result.stderr)
                self.assert_asked()

    def test_every_key_in_the_help_is_accepted(self) -> None:
        stdout = ' '.join(self.openstack('help volume backup list').stdout.split())
        keys = stdout.partition('the keys are ')[2].partition(' (default')[0].split(', ')
        self.assertGreater(len(keys), 10)
        self.on_list()
        for key in keys:
            sent = 'display_name' if key == 'name' else key
            self.on_list(query=f'?sort={sent}:desc')
            with self.subTest(key):
                self.assert_prints(f'{LIST} --sort {key}', '')
