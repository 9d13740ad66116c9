# SPDX-License-Identifier: Apache-2.0
from tests.unit.rows import ID, backup
from tests.unit.shell import CommandTest

UNSET = f'volume backup unset {ID}'
PUT = f'PUT /backups/{ID}'
UPDATED = {'backup': {'id': ID, 'name': 'nightly', 'links': []}}


class UnsetTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        row = backup(metadata={'a': '1', 'b': '2', 'empty': ''})
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [row]})
        self.cloud.on(PUT, UPDATED)

    def test_remaining_properties_are_written(self) -> None:
        self.assert_prints(f'{UNSET} --property a', '')
        self.assert_asked(f'GET /backups/{ID}', PUT)
        self.assert_sent(PUT, {'backup': {'metadata': {'b': '2', 'empty': ''}}})

    def test_property_without_value_is_removed(self) -> None:
        self.assert_prints(f'{UNSET} --property empty --property a', '')
        self.assert_sent(PUT, {'backup': {'metadata': {'b': '2'}}})

    def test_all_properties_can_be_removed(self) -> None:
        self.assert_prints(f'{UNSET} --property a --property b --property empty', '')
        self.assert_sent(PUT, {'backup': {'metadata': {}}})

    def test_backup_is_found_by_name(self) -> None:
        self.assert_prints('volume backup unset nightly --property a', '')
        self.assert_asked('GET /backups/detail?name=nightly', PUT)

    def test_missing_key_warns_and_others_are_removed(self) -> None:
        self.assert_prints(
            f'{UNSET} --property nosuch --property a',
            '',
            f"Backup 'nightly' ({ID}) has no property 'nosuch'.",
        )
        self.assert_sent(PUT, {'backup': {'metadata': {'b': '2', 'empty': ''}}})

    def test_duplicate_key_is_removed_once(self) -> None:
        self.assert_prints(f'{UNSET} --property a --property a', '')
        self.assert_sent(PUT, {'backup': {'metadata': {'b': '2', 'empty': ''}}})

    def test_nothing_is_written_if_nothing_changes(self) -> None:
        self.assert_prints(
            f'{UNSET} --property nosuch',
            '',
            f"Backup 'nightly' ({ID}) has no property 'nosuch'.",
        )
        self.assert_asked(f'GET /backups/{ID}')

    def test_nothing_to_unset_is_a_usage_error(self) -> None:
        self.assert_fails(UNSET, 'Nothing to unset: give --property.', status=2)
        self.assert_asked()


class MicroversionTest(CommandTest):
    def test_low_pin_is_refused_before_any_request(self) -> None:
        self.assert_fails(
            f'--os-volume-api-version 3.42 {UNSET} --property a',
            '--property requires Block Storage 3.43, but 3.42 was requested: '
            'use --os-volume-api-version 3.43, or leave the version out to use the newest.',
        )
        self.assert_asked('GET ')

    def test_old_cloud_changes_nothing(self) -> None:
        self.use_cloud(maximum='3.42')
        self.assert_fails(
            f'{UNSET} --property a',
            '--property requires Block Storage 3.43, but this cloud is too old: '
            'it offers 3.0 to 3.42.',
        )
        self.assert_asked(f'GET /backups/{ID}')
