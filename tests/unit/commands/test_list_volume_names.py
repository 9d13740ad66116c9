# SPDX-License-Identifier: Apache-2.0

from tests.unit.commands.listing import MORE, ListTest
from tests.unit.rows import OTHER_ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT


class VolumeNamesTest(ListTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_list(backup(), backup(OTHER_ID, volume_id=OTHER_VOLUME_ID))

    def on_volume(self, id_: str, name: str | None, **fields: str) -> None:
        self.cloud.on(f'GET /volumes/{id_}', {'volume': volume(id_, name=name, **fields)})

    def on_many(self, count: int) -> list[str]:
        """List one backup of each volume; the first two volumes are read one by one."""
        ids = [f'22222222-aaaa-4bbb-8ccc-{number:012}' for number in range(1, count + 1)]
        self.use_cloud()
        self.on_list(*(backup(volume_id=id_) for id_ in ids))
        for number, id_ in enumerate(ids[:2], start=1):
            self.on_volume(id_, f'name{number}')
        return ids

    def shown(self) -> list[str]:
        result = self.openstack('volume backup list --long -c Volume')
        self.assertEqual((result.status, result.stderr), (0, ''))
        return [line.strip('| ') for line in result.stdout.splitlines()[3:-1]]

    def test_machine_formats_show_ids_without_extra_requests(self) -> None:
        for format_ in ('json', 'value', 'csv', 'yaml'):
            with self.subTest(format_):
                self.cloud.asked.clear()
                result = self.openstack(f'volume backup list --long -f {format_}')
                self.assertIn(VOLUME_ID, result.stdout)
                self.assert_asked('GET /backups/detail')

    def test_names_are_not_read_without_a_volume_column(self) -> None:
        self.assertEqual(self.openstack('volume backup list --long -c ID -c Name').status, 0)
        self.assert_asked('GET /backups/detail')

    def test_one_or_two_volumes_are_read_one_by_one(self) -> None:
        self.on_volume(VOLUME_ID, 'one')
        self.on_volume(OTHER_VOLUME_ID, 'two')
        self.assertEqual(self.shown(), ['one', 'two'])
        self.assert_asked(
            'GET /backups/detail', f'GET /volumes/{VOLUME_ID}', f'GET /volumes/{OTHER_VOLUME_ID}'
        )

    def test_same_volume_is_read_once(self) -> None:
        self.use_cloud()
        self.on_list(backup(), backup(OTHER_ID))
        self.on_volume(VOLUME_ID, 'one')
        self.assertEqual(self.shown(), ['one', 'one'])
        self.assert_asked('GET /backups/detail', f'GET /volumes/{VOLUME_ID}')

    def test_unnamed_or_deleted_volume_is_shown_by_id(self) -> None:
        self.on_volume(VOLUME_ID, '')
        self.cloud.refuse(f'GET /volumes/{OTHER_VOLUME_ID}', 404, 'Volume could not be found.')
        self.cloud.on(f'GET /volumes/detail?name={OTHER_VOLUME_ID}', {'volumes': []})
        self.assertEqual(self.shown(), [VOLUME_ID, OTHER_VOLUME_ID])

    def test_volume_of_another_project_is_shown_by_id(self) -> None:
        tenant = 'os-vol-tenant-attr:tenant_id'
        self.on_volume(VOLUME_ID, 'mine', **{tenant: OWN_PROJECT})
        self.on_volume(OTHER_VOLUME_ID, 'theirs', **{tenant: OTHER_PROJECT})
        self.assertEqual(self.shown(), ['mine', OTHER_VOLUME_ID])

    def test_more_volumes_are_read_in_as_few_pages_as_needed(self) -> None:
        ids = self.on_many(4)
        page = [{'id': ids[2], 'name': 'name3'}, {'id': ids[3], 'name': 'name4'}]
        self.cloud.on('GET /volumes', {'volumes': page, 'volumes_links': MORE})
        self.assertEqual(self.shown(), ['name1', 'name2', 'name3', 'name4'])
        singly = [f'GET /volumes/{id_}' for id_ in ids[:2]]
        self.assert_asked('GET /backups/detail', *singly, 'GET /volumes')

    def test_names_on_a_later_page_are_found(self) -> None:
        ids = self.on_many(3)
        first = [{'id': ids[0], 'name': 'name1'}]
        self.cloud.on('GET /volumes', {'volumes': first, 'volumes_links': MORE})
        second = [{'id': ids[2], 'name': 'name3'}]
        self.cloud.on(f'GET /volumes?marker={ids[0]}', {'volumes': second})
        self.assertEqual(self.shown(), ['name1', 'name2', 'name3'])

    def test_volume_on_no_page_is_shown_by_id_and_not_read_again(self) -> None:
        ids = self.on_many(4)
        self.cloud.on('GET /volumes', {'volumes': [{'id': ids[0], 'name': 'name1'}]})
        self.assertEqual(self.shown(), ['name1', 'name2', *ids[2:]])
        self.assertEqual(self.cloud.lines.count('GET /volumes'), 1)

    def test_list_is_printed_if_names_cannot_be_read(self) -> None:
        ids = self.on_many(3)
        self.cloud._answers.clear()  # noqa: SLF001
        self.on_list(*(backup(volume_id=id_) for id_ in ids))
        for line in (*(f'GET /volumes/{id_}' for id_ in ids), 'GET /volumes'):
            self.cloud.refuse(line, 403, 'Policy forbids it.')
        self.assertEqual(self.shown(), ids)

    def test_sort_column_volume_sorts_by_id(self) -> None:
        self.on_volume(VOLUME_ID, 'a')
        self.on_volume(OTHER_VOLUME_ID, 'b')
        stdout = self.openstack(
            'volume backup list --long -c Volume --sort-column Volume --sort-descending'
        ).stdout
        self.assertEqual(stdout.splitlines()[3:5], ['| b      |', '| a      |'])
