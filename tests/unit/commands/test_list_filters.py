# SPDX-License-Identifier: Apache-2.0
from datetime import datetime, timedelta, timezone

from tests.unit.commands.listing import LIST, THIRD, ListTest, a_limit_is_a_page
from tests.unit.rows import (
    ID,
    OTHER_ID,
    OTHER_VOLUME_ID,
    SNAPSHOT_ID,
    VOLUME_ID,
    backup,
    snapshot,
    volume,
)


class FiltersTest(ListTest):
    def test_cloud_filters_by_name_status_and_volume(self) -> None:
        self.assert_lists('--name web', '?name=web')
        self.assert_lists('--status error', '?status=error')
        self.assert_lists('--name web --status error', '?name=web&status=error')

    def test_every_status_is_accepted(self) -> None:
        for status in (
            'creating',
            'available',
            'deleting',
            'error',
            'restoring',
            'error_deleting',
            'error_restoring',
        ):
            with self.subTest(status):
                self.assert_lists(f'--status {status}', f'?status={status}')

    def test_volume_id_needs_no_look_up_under_every_option_name(self) -> None:
        for option in ('--volume', '--volume-id', '--vol', '--volu', '--volum'):
            with self.subTest(option):
                self.cloud.asked.clear()
                self.assert_lists(f'{option} {VOLUME_ID}', f'?volume_id={VOLUME_ID}')
                self.assert_asked(f'GET /backups/detail?volume_id={VOLUME_ID}')

    def test_volume_name_takes_one_request(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': [volume()]})
        self.assert_lists('--volume data', f'?volume_id={VOLUME_ID}')
        self.assert_asked(
            'GET /volumes/detail?name=data', f'GET /backups/detail?volume_id={VOLUME_ID}'
        )

    def test_unknown_volume_is_a_failure(self) -> None:
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': []})
        self.assert_fails(
            f'{LIST} --volume data',
            "No volume has the name or ID 'data'. If the volume was deleted, use its ID.",
        )

    def test_ambiguous_volume_is_refused(self) -> None:
        rows = [volume(), volume(OTHER_VOLUME_ID)]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})
        result = self.openstack(f'{LIST} --volume data')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(VOLUME_ID, result.stderr)
        self.assertIn(OTHER_VOLUME_ID, result.stderr)
        self.assert_asked('GET /volumes/detail?name=data')


class LocalFiltersTest(ListTest):
    """Filters that the plugin applies itself."""

    def test_full_and_incremental_filter_by_kind(self) -> None:
        self.on_list(backup(), backup(OTHER_ID, is_incremental=True))
        self.assert_leaves('--full', ID)
        self.assert_leaves('--incremental', OTHER_ID)

    def test_full_and_incremental_exclude_each_other(self) -> None:
        self.assert_misused(
            f'{LIST} --full --incremental',
            'argument --incremental: not allowed with argument --full',
        )

    def test_property_filters_by_key_and_value(self) -> None:
        self.on_list(
            backup(metadata={'a': '1', 'b': '2'}),
            backup(OTHER_ID, metadata={'a': '2', 'c': ''}),
            backup(THIRD, metadata={}),
        )
        self.assert_leaves('--property a', ID, OTHER_ID)
        self.assert_leaves('--property a=1', ID)
        self.assert_leaves('--property a --property c', OTHER_ID)
        self.assert_leaves('--property c=', OTHER_ID)
        self.assert_leaves('--property a=1 --property c')

    def test_property_value_may_contain_an_equals_sign(self) -> None:
        self.on_list(backup(metadata={'a': 'b=c'}), backup(OTHER_ID, metadata={'a': 'b'}))
        self.assert_leaves('--property a=b=c', ID)

    def test_property_without_key_is_a_usage_error(self) -> None:
        for text in ('', '=1'):
            with self.subTest(text):
                self.assert_misused(
                    [*LIST.split(), '--property', text],
                    f"argument --property: Invalid property '{text}': use <key> or <key>=<value>",
                )

    def test_property_requires_a_pin_of_3_43(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.42 {LIST} --property a',
            '--property requires Block Storage 3.43, but 3.42 was requested: '
            'use --os-volume-api-version 3.43, or leave the version out to use the newest.',
        )
        self.assert_asked('GET ')

    def test_property_requires_a_cloud_with_3_43(self) -> None:
        self.use_cloud(maximum='3.42')
        self.on_list(backup())
        self.assert_fails(
            f'{LIST} --property a',
            '--property requires Block Storage 3.43, but this cloud is too old: '
            'it offers 3.0 to 3.42.',
        )
        self.assert_asked('GET /backups/detail')

    def test_since_includes_and_before_excludes_the_time(self) -> None:
        self.on_list(
            backup(THIRD, created_at='2026-11-03T00:00:00.000000'),
            backup(OTHER_ID, created_at='2026-11-02T00:00:00.000000'),
            backup(ID, created_at='2026-11-01T00:00:00.000000'),
        )
        self.assert_leaves('--since 2026-11-02', THIRD, OTHER_ID)
        self.assert_leaves('--before 2026-11-02', ID)
        self.assert_leaves('--since 2026-11-02 --before 2026-11-03T00:00', OTHER_ID)
        self.assert_leaves('--since 2026-11-02T00:00:01', THIRD)
        self.assert_leaves('--since 2026-11-02T01:00:00+01:00', THIRD, OTHER_ID)
        self.assert_leaves('--before 2026-11-01T23:59:59Z', ID)

    def test_an_age_is_counted_from_now(self) -> None:
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        ages = {ID: 1, OTHER_ID: 10}
        made = {id_: now - timedelta(days=age) for id_, age in ages.items()}
        self.on_list(*(backup(id_, created_at=time.isoformat()) for id_, time in made.items()))
        self.assert_leaves('--since 7d', ID)
        self.assert_leaves('--before 1w', OTHER_ID)

    def test_invalid_time_is_a_usage_error(self) -> None:
        for option in ('--since', '--before'):
            for text in ('yesterday', '', '7', '2026-13-01', '99999999999d'):
                with self.subTest(option=option, text=text):
                    self.cloud.asked.clear()
                    result = self.openstack([*LIST.split(), option, text])
                    self.assertEqual((result.status, result.stdout), (2, ''))
                    self.assertIn(f'argument {option}: ', result.stderr)
                    self.assert_asked()

    def test_since_stops_at_the_first_page_that_is_too_old(self) -> None:
        old = backup(OTHER_ID, created_at='2026-10-01T00:00:00.000000')
        self.on_list(backup(), old, more=True)
        self.assert_leaves('--since 2026-11-01', ID)

    def test_since_reads_all_pages_if_the_list_is_sorted(self) -> None:
        old = backup(OTHER_ID, created_at='2026-10-01T00:00:00.000000')
        self.on_list(old, query='?sort=created_at:asc', more=True)
        self.on_list(backup(), query=f'?sort=created_at:asc&marker={OTHER_ID}')
        self.assert_prints(f'{LIST} --since 2026-11-01 --sort created_at:asc', f'{ID}\n')
        self.assertEqual(len(self.cloud.asked), 2)

    def test_max_items_reads_pages_until_there_are_enough_rows(self) -> None:
        self.on_list(backup(), more=True)
        self.on_list(backup(OTHER_ID, is_incremental=True), query=f'?marker={ID}', more=True)
        self.assert_prints(f'{LIST} --incremental --max-items 1', f'{OTHER_ID}\n')
        self.assert_asked('GET /backups/detail', f'GET /backups/detail?marker={ID}')

    @a_limit_is_a_page
    def test_limit_is_the_page_size_with_filters(self) -> None:
        self.on_list(backup(), query='?limit=1', more=True)
        self.on_list(backup(OTHER_ID, is_incremental=True), query=f'?limit=1&marker={ID}')
        self.assert_prints(f'{LIST} --incremental --limit 1 --max-items 5', f'{OTHER_ID}\n')

    def test_max_items_of_zero_sends_no_request(self) -> None:
        self.assert_prints(f'{LIST} --full --max-items 0', '')
        self.assert_prints(f'{LIST} --sort description --max-items 0', '')
        self.assert_asked()

    def test_local_filters_combine_with_filters_of_the_cloud(self) -> None:
        rows = (backup(), backup(OTHER_ID, is_incremental=True))
        query = f'?name=web&status=error&volume_id={VOLUME_ID}'
        self.on_list(*rows, query=query)
        self.assert_leaves(
            f'--full --name web --status error --volume {VOLUME_ID}', ID, asked=query
        )

    def test_name_filter_is_stripped(self) -> None:
        self.on_list(backup(), query='?name=web')
        self.assert_leaves("--name ' web '", ID, asked='?name=web')


class SnapshotTest(ListTest):
    """Cinder cannot filter by snapshot, so the backups of its volume are listed."""

    ROWS = (
        backup(),
        backup(OTHER_ID, snapshot_id=SNAPSHOT_ID),
        backup(THIRD, snapshot_id='33333333-aaaa-4bbb-8ccc-000000000002'),
    )
    GET = f'GET /snapshots/{SNAPSHOT_ID}'
    OF_VOLUME = f'?volume_id={VOLUME_ID}'

    def test_snapshot_by_id(self) -> None:
        self.cloud.on(self.GET, {'snapshot': snapshot(volume_id=VOLUME_ID)})
        self.on_list(*self.ROWS, query=self.OF_VOLUME)
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID}', f'{OTHER_ID}\n')
        self.assert_asked(self.GET, f'GET /backups/detail{self.OF_VOLUME}')

    def test_snapshot_by_name(self) -> None:
        look = 'GET /snapshots/detail?name=frozen'
        self.cloud.on(look, {'snapshots': [snapshot(volume_id=VOLUME_ID)]})
        self.on_list(*self.ROWS, query=self.OF_VOLUME)
        self.assert_prints(f'{LIST} --snapshot frozen', f'{OTHER_ID}\n')
        self.assert_asked(look, f'GET /backups/detail{self.OF_VOLUME}')

    def test_deleted_snapshot_searches_all_backups(self) -> None:
        self.cloud.refuse(self.GET, 404, 'Snapshot could not be found.')
        self.cloud.on(f'GET /snapshots/detail?name={SNAPSHOT_ID}', {'snapshots': []})
        self.on_list(*self.ROWS)
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID}', f'{OTHER_ID}\n')
        self.assertEqual(self.cloud.lines[-1], 'GET /backups/detail')

    def test_unknown_snapshot_name_is_a_failure(self) -> None:
        self.cloud.on('GET /snapshots/detail?name=nosuch', {'snapshots': []})
        self.assert_fails(f'{LIST} --snapshot nosuch', "No snapshot has the name or ID 'nosuch'.")

    def test_given_volume_takes_precedence_over_the_snapshots_volume(self) -> None:
        self.cloud.on(self.GET, {'snapshot': snapshot(volume_id=VOLUME_ID)})
        self.on_list(query=f'?volume_id={OTHER_VOLUME_ID}')
        self.assert_prints(f'{LIST} --snapshot {SNAPSHOT_ID} --volume {OTHER_VOLUME_ID}', '')
