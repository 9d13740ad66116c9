# SPDX-License-Identifier: Apache-2.0
"""How every command finds backups, volumes and snapshots."""

from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest

# Names must never become the path of another resource, a query or a fragment.
HOSTILE = ('..', 'detail', f'../volumes/{VOLUME_ID}', 'a?b', 'a#b', 'a&all_tenants=1', '%2e%2e')

COMMANDS = (
    ('show', '{}'),
    ('delete', '{}'),
    ('restore', '{}'),
    ('set', '{}', '--state', 'error'),
    ('unset', '{}', '--property', 'a'),
    ('record', 'export', '{}'),
    ('list', '--marker', '{}'),
)


def with_reference(command: tuple[str, ...], reference: str) -> list[str]:
    return ['volume', 'backup', *(word.replace('{}', reference) for word in command)]


class BackupTest(CommandTest):
    def test_id_takes_one_request(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        self.assert_prints(f'volume backup show {ID} -f value -c id', f'{ID}\n')
        self.assert_asked(f'GET /backups/{ID}')

    def test_name_takes_one_request(self) -> None:
        self.cloud.on('GET /backups/detail?name=web', {'backups': [backup(name='web')]})
        self.assert_prints('volume backup show web -f value -c id', f'{ID}\n')
        self.assert_asked('GET /backups/detail?name=web')

    def test_name_that_looks_like_an_id_is_found(self) -> None:
        self.cloud.refuse(f'GET /backups/{OTHER_ID}', 404, 'Backup could not be found.')
        rows = [backup(ID, name=OTHER_ID)]
        self.cloud.on(f'GET /backups/detail?name={OTHER_ID}', {'backups': rows})
        self.assert_prints(f'volume backup show {OTHER_ID} -f value -c id', f'{ID}\n')
        self.assert_asked(f'GET /backups/{OTHER_ID}', f'GET /backups/detail?name={OTHER_ID}')

    def test_unknown_id_is_not_found(self) -> None:
        self.cloud.refuse(f'GET /backups/{ID}', 404, 'Backup could not be found.')
        self.cloud.on(f'GET /backups/detail?name={ID}', {'backups': []})
        self.assert_fails(f'volume backup show {ID}', f"No backup has the name or ID '{ID}'.")

    def test_failed_look_up_of_an_id_is_not_repeated_as_a_name(self) -> None:
        self.cloud.refuse(f'GET /backups/{ID}', 403, 'Policy does not allow it.')
        self.assertEqual(self.openstack(f'volume backup show {ID}').status, 1)
        self.assert_asked(f'GET /backups/{ID}')

    def test_ambiguous_name_is_refused_with_ids_times_and_statuses(self) -> None:
        rows = [backup(ID), backup(OTHER_ID, created_at='2026-11-02T02:00:00.5', status='error')]
        for command in COMMANDS:
            with self.subTest(command[0]):
                self.use_cloud().on('GET /backups/detail?name=nightly', {'backups': rows})
                result = self.openstack(with_reference(command, 'nightly'))
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertIn(
                    "2 backups have the name 'nightly'. Use the ID of one of them: "
                    f'{ID} (created 2026-11-01T02:00:00.000000, available), '
                    f'{OTHER_ID} (created 2026-11-02T02:00:00.5, error).\n',
                    result.stderr,
                )
                self.assert_asked('GET /backups/detail?name=nightly')

    def test_matches_in_another_case_are_ignored(self) -> None:
        rows = [backup(OTHER_ID, name='WEB'), backup(ID, name='web')]
        self.cloud.on('GET /backups/detail?name=web', {'backups': rows})
        self.assert_prints('volume backup show web -f value -c id', f'{ID}\n')

    def test_name_in_another_case_is_not_found(self) -> None:
        self.cloud.on('GET /backups/detail?name=web', {'backups': [backup(name='WEB')]})
        self.assert_fails('volume backup show web', "No backup has the name or ID 'web'.")

    def test_surrounding_spaces_are_stripped(self) -> None:
        self.cloud.on('GET /backups/detail?name=my web', {'backups': [backup(name='my web')]})
        self.assert_prints(
            ['volume', 'backup', 'show', ' my web ', '-f', 'value', '-c', 'id'], f'{ID}\n'
        )

    def test_name_becomes_part_of_a_query_only(self) -> None:
        for name in HOSTILE:
            with self.subTest(name):
                self.use_cloud().on(f'GET /backups/detail?name={name}', {'backups': []})
                self.assert_fails(
                    ['volume', 'backup', 'show', name], f"No backup has the name or ID '{name}'."
                )
                self.assert_asked(f'GET /backups/detail?name={name}')

    def test_no_command_uses_a_reference_as_a_path(self) -> None:
        name = f'../volumes/{VOLUME_ID}'
        for command in COMMANDS:
            with self.subTest(command[0]):
                self.use_cloud().on(f'GET /backups/detail?name={name}', {'backups': []})
                result = self.openstack(with_reference(command, name))
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertIn(f"No backup has the name or ID '{name}'.\n", result.stderr)
                self.assert_asked(f'GET /backups/detail?name={name}')

    def test_name_is_quoted(self) -> None:
        self.cloud.on('GET /backups/detail?name=a&b=#?/%', {'backups': [backup(name='a&b=#?/%')]})
        self.assert_prints("volume backup show 'a&b=#?/%' -f value -c id", f'{ID}\n')
        quoted = 'a%26b%3D%23%3F%2F%25'
        self.assertEqual(
            self.cloud.asked[0].url, f'http://volume.test/v3/backups/detail?name={quoted}'
        )

    def test_backup_named_like_a_route_is_found(self) -> None:
        self.cloud.on('GET /backups/detail?name=detail', {'backups': [backup(name='detail')]})
        self.assert_prints('volume backup show detail -f value -c id', f'{ID}\n')

    def test_empty_reference_is_a_usage_error(self) -> None:
        for command in COMMANDS:
            argument = '--marker' if command[0] == 'list' else '<backup>'
            for nothing in (' \t',) if command[0] == 'list' else ('', ' \t'):
                with self.subTest(command[0], nothing=nothing):
                    self.assert_misused(
                        with_reference(command, nothing),
                        f'argument {argument}: must not be empty (is a shell variable unset?)',
                    )

    def test_empty_optional_reference_is_ignored(self) -> None:
        # As in the built-in commands.
        for option in ('--marker', '--volume', '--volume-id', '--snapshot', '--project', '--pro'):
            with self.subTest(option):
                self.use_cloud().on('GET /backups/detail', {'backups': []})
                self.assert_prints(['volume', 'backup', 'list', option, '', '-f', 'value'], '')
                self.assert_asked('GET /backups/detail')

    def test_control_characters_of_a_reference_are_escaped(self) -> None:
        self.cloud.on('GET /backups/detail?name=a\x1b[2Jb', {'backups': []})
        self.assert_fails(
            ['volume', 'backup', 'show', 'a\x1b[2Jb'],
            r"No backup has the name or ID 'a\x1b[2Jb'.",
        )


class VolumeTest(CommandTest):
    def test_empty_reference_is_a_usage_error(self) -> None:
        for command, argument in (
            (['create', ''], '<volume>'),
            (['create', 'data', '--snapshot', ' '], '--snapshot'),
            (['restore', 'nightly', ''], '<volume>'),
            (['restore', 'nightly', '--volume', ''], '--volume'),
            (['restore', '--force', 'nightly', ' '], '<volume>'),
            (['list', '--volume', ' '], '--volume'),
            (['list', '--project', ' '], '--project'),
            (['show', 'nightly', '--project', ' '], '--project'),
            (['prune', '--volume', '', '--keep-last', '1'], '--volume'),
            (['prune', '--all-volumes', '--project', '', '--keep-last', '1'], '--project'),
        ):
            with self.subTest(command):
                self.assert_misused(
                    ['volume', 'backup', *command],
                    f'argument {argument}: must not be empty (is a shell variable unset?)',
                )

    def test_empty_volume_option_is_a_usage_error(self) -> None:
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [backup()]})
        self.cloud.on('GET /volumes/detail?name=', {'volumes': [volume(name='')]})
        self.openstack(['volume', 'backup', 'restore', 'nightly', '--force', ''])
        self.assert_asked()

    def test_name_becomes_part_of_a_query_only(self) -> None:
        for name in HOSTILE:
            with self.subTest(name):
                self.use_cloud().on(f'GET /volumes/detail?name={name}', {'volumes': []})
                self.assert_fails(
                    ['volume', 'backup', 'create', name],
                    f"No volume has the name or ID '{name}'.",
                )
                self.assert_asked(f'GET /volumes/detail?name={name}')
