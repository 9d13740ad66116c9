# SPDX-License-Identifier: Apache-2.0
"""Restoring to all kinds of volumes: refusals before any change, and waiting."""

from datetime import datetime, timezone
from typing import Any

import requests

from tests.unit.rows import ID, OTHER_VOLUME_ID, VOLUME_ID, backup, volume
from tests.unit.shell import CommandTest, Result
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

POST = f'POST /backups/{ID}/restore'
POST_VOLUME = 'POST /volumes'
SOURCE_ID = '22222222-aaaa-4bbb-8ccc-000000000003'
GET_SOURCE = f'GET /volumes/{SOURCE_ID}'
RESTORE = f'volume backup restore {ID} -f value'
NAMED = f"'nightly' ({ID})"
RESET = requests.exceptions.ConnectionError('Connection reset by peer')


class RestoreTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_backup()
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}
        self.cloud.on(POST, {'restore': said}, status=202)
        new = volume(name='fresh', status='creating', size=1)
        self.cloud.on(POST_VOLUME, {'volume': new}, status=202)

    def on_backup(self, **changes: Any) -> None:
        """Prepare a backup of another volume than the target."""
        for line in (f'GET /backups/{ID}', GET_SOURCE):
            self.cloud._answers.pop(line, None)  # noqa: SLF001
        row = backup(**{'volume_id': SOURCE_ID, **changes})
        self.cloud.on(f'GET /backups/{ID}', {'backup': row})
        self.cloud.on(GET_SOURCE, {'volume': volume(SOURCE_ID, name='source')})

    def on_volume(self, **changes: Any) -> None:
        rows = [volume(**changes)]
        self.cloud.on('GET /volumes/detail?name=data', {'volumes': rows})

    def on_no_new_volume(self, name: str = f'restore_backup_{ID}') -> None:
        self.cloud.on(f'GET /volumes/detail?name={name}', {'volumes': []})

    def assert_refused(self, arguments: str, sentence: str, status: int = 1) -> None:
        self.assert_fails(f'{RESTORE} {arguments}', sentence, status)
        self.assertEqual([line for line in self.cloud.lines if not line.startswith('GET ')], [])


class RefusalTest(RestoreTest):
    def test_unavailable_backup_is_refused(self) -> None:
        self.on_backup(status='error')
        for target in ('', 'data --force', '--name data', '--type fast'):
            with self.subTest(target):
                self.assert_refused(
                    target,
                    f'Cannot restore backup {NAMED} in status error: the backup must be available.',
                )

    def test_small_volume_is_refused(self) -> None:
        self.on_backup(size=3)
        self.on_volume(size=2)
        self.assert_refused(
            'data --force',
            f"Cannot restore backup {NAMED} of 3 GiB to volume 'data' ({VOLUME_ID}) of 2 GiB: "
            'the volume is too small.',
        )

    def test_large_enough_volume_is_accepted(self) -> None:
        for size in (2, 3):
            with self.subTest(size):
                self.setUp()
                self.on_backup(size=2)
                self.on_volume(size=size)
                self.assertEqual(self.openstack(f'{RESTORE} data --force').status, 0)

    def test_unavailable_volume_is_refused(self) -> None:
        for status in ('in-use', 'error', 'backing-up', 'restoring-backup', 'creating'):
            with self.subTest(status):
                self.setUp()
                self.on_volume(status=status)
                self.assert_refused(
                    'data --force',
                    f"Cannot restore backup {NAMED} to volume 'data' ({VOLUME_ID}) in status "
                    f'{status}: the volume must be available.',
                )

    def test_existing_volume_requires_force(self) -> None:
        self.on_volume(status='in-use')
        self.assert_refused(
            'data',
            f"Volume 'data' ({VOLUME_ID}) already exists. To restore backup {NAMED} to a new "
            'volume, use --name. To overwrite the existing volume, use --force.',
        )

    def test_options_for_a_new_volume_are_refused_for_an_existing_one(self) -> None:
        self.on_volume()
        for option in ('--type fast', '--availability-zone az2', '--size 2'):
            for force in ('', '--force'):
                with self.subTest(option, force=force):
                    self.assert_refused(
                        f'data {option} {force}',
                        f"Volume 'data' ({VOLUME_ID}) already exists, but --type, "
                        '--availability-zone and --size are only for a new volume. To restore to a '
                        'new volume, use --name.',
                        status=2,
                    )

    def test_volume_and_name_are_a_usage_error(self) -> None:
        self.assert_refused(
            'data --name fresh',
            "Cannot restore to volume 'data' and to a new one: give either the volume or --name.",
            status=2,
        )
        self.assert_asked()

    def test_the_name_of_a_volume_is_safe_to_show(self) -> None:
        result = self.openstack([*RESTORE.split(), 'da\x1bta', '--name', 'fresh'])
        self.assertEqual(result.status, 2)
        self.assertIn(r"'da\x1bta'", result.stderr)
        self.assert_asked()

    def test_timeout_requires_wait(self) -> None:
        self.assert_refused('--timeout 5m', '--timeout requires --wait.', status=2)

    def test_empty_name_is_a_usage_error(self) -> None:
        for option in ('--name', '--type', '--availability-zone'):
            with self.subTest(option):
                self.assert_misused(
                    ['volume', 'backup', 'restore', ID, option, ''],
                    f'argument {option}: must not be empty (is a shell variable unset?)',
                )


class NewVolumeTest(RestoreTest):
    def test_name_creates_a_volume_even_if_the_name_exists(self) -> None:
        self.on_volume()
        self.assert_prints(f'{RESTORE} --name data', f'{ID}\n{VOLUME_ID}\ndata\n')
        self.assert_asked(f'GET /backups/{ID}', GET_SOURCE, POST)
        self.assert_sent(POST, {'restore': {'name': 'data'}})

    def test_name_that_looks_like_an_id_creates_a_volume(self) -> None:
        self.assertEqual(self.openstack(f'{RESTORE} --name {OTHER_VOLUME_ID}').status, 0)
        self.assert_sent(POST, {'restore': {'name': OTHER_VOLUME_ID}})

    def test_type_or_zone_creates_the_volume_from_the_backup(self) -> None:
        self.cloud.on('GET /volumes/detail?name=fresh', {'volumes': []})
        for options, said in (
            ('--type fast', {'volume_type': 'fast'}),
            ('--availability-zone az2', {'availability_zone': 'az2'}),
            ('--size 7', {'size': 7}),
            ('--name fresh --type fast', {'name': 'fresh', 'volume_type': 'fast'}),
            ('fresh --type fast', {'name': 'fresh', 'volume_type': 'fast'}),
            ('--type fast fresh', {'name': 'fresh', 'volume_type': 'fast'}),
            (
                '--type fast --availability-zone az2',
                {'volume_type': 'fast', 'availability_zone': 'az2'},
            ),
        ):
            with self.subTest(options):
                self.assert_prints(f'{RESTORE} {options}', f'{ID}\n{VOLUME_ID}\nfresh\n')
                self.assert_sent(POST_VOLUME, {'volume': {'backup_id': ID, **said}})
                self.assertNotIn(POST, self.cloud.lines)

    def test_old_cloud_creates_nothing(self) -> None:
        for given, option in (
            ('--type fast', '--type'),
            ('--avail az2', '--availability-zone'),
            ('--size 2', '--size'),
        ):
            with self.subTest(option):
                self.use_cloud(maximum='3.46')
                self.on_backup()
                self.assert_refused(
                    given,
                    f'{option} requires Block Storage 3.47, but this cloud is too old: it offers '
                    '3.0 to 3.46.',
                )

    def test_refusal_is_reported(self) -> None:
        self.use_cloud()
        self.on_backup()
        self.on_no_new_volume()
        self.cloud.refuse(POST_VOLUME, 404, 'Volume type fast could not be found.')
        self.assert_fails(
            f'{RESTORE} --type fast',
            f'Cannot restore backup {NAMED}: Volume type fast could not be found.',
        )


class LeftBehindTest(RestoreTest):
    """Without a backup service, Cinder creates the new volume and then refuses."""

    SAID = 'Service cinder-backup could not be found.'
    TOLD = (
        f'Cannot restore backup {NAMED}: no backup service is running, or none in its '
        f'availability zone (the server said: {SAID[:-1]}). Ask the operator of the cloud.'
    )

    def setUp(self) -> None:
        super().setUp()
        self.cloud._answers.pop(POST)  # noqa: SLF001
        self.cloud.refuse(POST, 404, self.SAID)
        self.cloud.date = lambda: datetime(2026, 11, 2, tzinfo=timezone.utc)

    def on_new(self, name: str, created: str) -> None:
        rows = [volume(OTHER_VOLUME_ID, name=name, created_at=created)]
        self.cloud.on(f'GET /volumes/detail?name={name}', {'volumes': rows})

    def test_empty_volume_is_named(self) -> None:
        for options, name in (('--name fresh', 'fresh'), ('', f'restore_backup_{ID}')):
            with self.subTest(options):
                self.on_new(name, '2026-11-02T00:00:01.000000')
                self.assert_fails(
                    f'{RESTORE} {options}',
                    f"{self.TOLD} The new volume '{name}' ({OTHER_VOLUME_ID}) was created "
                    'nevertheless, and has no data. To delete it: openstack volume delete '
                    f'{OTHER_VOLUME_ID}',
                )

    def test_older_volume_with_the_name_is_not_mistaken(self) -> None:
        self.on_new('fresh', '2026-11-01T00:00:00.000000')
        self.assert_fails(f'{RESTORE} --name fresh', self.TOLD)

    def test_failed_list_does_not_hide_the_refusal(self) -> None:
        self.cloud.refuse('GET /volumes/detail?name=fresh', 403, 'Policy forbids it.')
        self.assert_fails(f'{RESTORE} --name fresh', self.TOLD)


class EncryptedTest(RestoreTest):
    """Cinder restores ciphertext, so a restore to a volume of another type fails and loses data."""

    GET = f'GET /volumes/{VOLUME_ID}'

    def setUp(self) -> None:
        super().setUp()
        self.on_backup(encryption_key_id='key')

    def on_source(self, type_: str | None, *, encrypted: bool = True) -> None:
        self.cloud._answers.pop(GET_SOURCE)  # noqa: SLF001
        if type_ is None:
            self.cloud.refuse(GET_SOURCE, 404, 'Volume could not be found.')
        else:
            row = volume(SOURCE_ID, name='source', volume_type=type_, encrypted=encrypted)
            self.cloud.on(GET_SOURCE, {'volume': row})

    def test_target_of_another_type_is_refused(self) -> None:
        self.on_source('secret')
        self.on_volume(volume_type='fast', encrypted=False)
        self.assert_refused(
            'data --force',
            f"Cannot restore backup {NAMED} to volume 'data' ({VOLUME_ID}) of type 'fast': the "
            'backup is encrypted, so the volume must have the type of the source volume, '
            "'secret'.",
        )

    def test_target_of_the_same_type_is_accepted(self) -> None:
        self.on_source('secret')
        self.on_volume(volume_type='secret', encrypted=True)
        self.assertEqual(self.openstack(f'{RESTORE} data --force').status, 0)
        self.assert_sent(POST, {'restore': {'volume_id': VOLUME_ID}})

    def test_existing_target_is_refused_if_the_source_was_deleted(self) -> None:
        self.on_source(None)
        self.on_volume(volume_type='secret', encrypted=True)
        result = self.openstack(f'{RESTORE} data --force')
        self.assertEqual(result.status, 1)
        self.assertIn(
            'no longer exists. Restore the backup to a new volume: use --type', result.stderr
        )
        self.assertNotIn(POST, self.cloud.lines)

    def test_new_volume_has_the_type_of_the_source(self) -> None:
        self.on_source('secret')
        self.assertEqual(self.openstack(RESTORE).status, 0)
        self.assert_sent(POST_VOLUME, {'volume': {'backup_id': ID, 'volume_type': 'secret'}})

    def test_unencrypted_backup_on_a_new_encrypted_volume_is_noted(self) -> None:
        self.on_backup()
        made = volume(name='fresh', encrypted=True)
        for encrypted, words in ((False, f'openstack volume delete {VOLUME_ID}'), (True, '')):
            with self.subTest(encrypted=encrypted):
                self.on_source('secret' if encrypted else 'fast', encrypted=encrypted)
                self.cloud._answers.pop(POST_VOLUME)  # noqa: SLF001
                self.cloud.on(POST_VOLUME, {'volume': made}, status=202)
                result = self.openstack(f'{RESTORE} --type secret')
                self.assertEqual(result.status, 0, result.stderr)
                self.assertIn(words, result.stderr)
                self.assertEqual(bool(words), 'is encrypted' in result.stderr)

    def test_source_that_cannot_be_read_does_not_fail_the_restore(self) -> None:
        self.on_backup()
        self.cloud._answers.pop(GET_SOURCE)  # noqa: SLF001
        self.cloud.refuse(GET_SOURCE, 401, 'Access rule')
        self.cloud._answers.pop(POST_VOLUME)  # noqa: SLF001
        self.cloud.on(POST_VOLUME, {'volume': volume(encrypted=True)}, status=202)
        result = self.openstack(f'{RESTORE} --type secret')
        self.assertEqual((result.status, result.stderr), (0, ''))

    def test_another_type_is_refused(self) -> None:
        self.on_source('secret')
        self.assert_refused(
            '--type fast',
            f"Cannot restore backup {NAMED} to a volume of type 'fast': it is encrypted, so "
            "the volume must have the type of the source volume, 'secret'.",
        )

    def test_type_may_be_given_by_id(self) -> None:
        id_ = '44444444-aaaa-4bbb-8ccc-000000000001'
        for name, status in (('secret', 0), ('fast', 1)):
            with self.subTest(name):
                self.setUp()
                self.on_source('secret')
                self.cloud.on(f'GET /types/{id_}', {'volume_type': {'id': id_, 'name': name}})
                self.assertEqual(self.openstack(f'{RESTORE} --type {id_}').status, status)

    def test_type_is_required_if_the_source_was_deleted(self) -> None:
        self.on_source(None)
        self.assert_refused(
            '',
            f'Cannot restore backup {NAMED}: it is encrypted, and its source volume no longer '
            'exists. Use --type with the type of the source volume: with any other type the '
            'restore fails.',
        )
        self.assertEqual(self.openstack(f'{RESTORE} --type secret').status, 0)

    def test_labels_tell_the_type_of_a_source_that_was_deleted_or_retyped(self) -> None:
        for type_, encrypted in ((None, True), ('plain', False)):
            with self.subTest(type=type_):
                self.setUp()
                metadata = {'backupext:volume-type': 'secret'}
                self.on_backup(encryption_key_id='key', metadata=metadata)
                self.on_source(type_, encrypted=encrypted)
                self.assertEqual(self.openstack(RESTORE).status, 0)
                wanted = {'backup_id': ID, 'volume_type': 'secret'}
                self.assert_sent(POST_VOLUME, {'volume': wanted})

    def test_type_of_an_encrypted_source_wins_over_the_labels(self) -> None:
        self.on_backup(encryption_key_id='key', metadata={'backupext:volume-type': 'renamed'})
        self.on_source('secret')
        self.assertEqual(self.openstack(RESTORE).status, 0)
        self.assert_sent(POST_VOLUME, {'volume': {'backup_id': ID, 'volume_type': 'secret'}})

    def test_encrypted_target_of_another_type_is_refused_for_unencrypted_backup(self) -> None:
        self.on_backup()
        self.on_source('plain', encrypted=False)
        self.on_volume(volume_type='secret', encrypted=True)
        result = self.openstack(f'{RESTORE} data --force')
        self.assertEqual(result.status, 1)
        self.assertIn('the volume is encrypted', result.stderr)
        self.assertNotIn(POST, self.cloud.lines)

    def test_cloud_without_type_option_gets_other_advice(self) -> None:
        self.use_cloud(maximum='3.46')
        self.on_backup()
        self.on_source('secret')
        result = self.openstack(RESTORE)
        self.assertEqual(result.status, 1)
        self.assertIn("must have the type 'secret'", result.stderr)
        self.assertIn('restore to it with --force', result.stderr)
        self.assertNotIn(POST, self.cloud.lines)

    def test_source_shows_encryption_if_the_cloud_hides_the_key(self) -> None:
        # Cinder's fixed key manager has one key for all, which the API does not show.
        self.on_backup()
        self.on_source('secret')
        self.on_volume(volume_type='fast', encrypted=False)
        result = self.openstack(f'{RESTORE} data --force')
        self.assertEqual(result.status, 1)
        self.assertIn('the backup is encrypted', result.stderr)
        self.assertEqual(self.openstack(RESTORE).status, 0)
        self.assert_sent(POST_VOLUME, {'volume': {'backup_id': ID, 'volume_type': 'secret'}})

    def test_new_volume_of_an_encrypted_default_type_is_noted_after_the_wait(self) -> None:
        self.on_backup()
        self.on_source('plain', encrypted=False)
        row = volume(volume_type='secret', encrypted=True)
        self.cloud.on(self.GET, {'volume': row})
        result = self.openstack(f'{RESTORE} --wait')
        self.assertEqual(result.status, 0, result.stderr)
        self.assertIn('no server can read the restored data', result.stderr)

    def test_source_that_was_retyped_is_refused(self) -> None:
        self.on_backup(encryption_key_id='key', volume_id=VOLUME_ID)
        self.on_volume(volume_type='plain', encrypted=False)
        result = self.openstack(f'{RESTORE} data --force')
        self.assertEqual(result.status, 1)
        self.assertIn('the volume now has an unencrypted type', result.stderr)
        self.assertNotIn(POST, self.cloud.lines)

    def test_restore_to_the_source_needs_no_check(self) -> None:
        self.on_backup(encryption_key_id='key', volume_id=VOLUME_ID)
        self.on_volume(volume_type='secret', encrypted=True)
        self.assertEqual(self.openstack(f'{RESTORE} data --force').status, 0)

    def test_source_shows_encryption_below_3_64(self) -> None:
        self.use_cloud(maximum='3.60')
        self.on_backup()
        self.on_source('secret')
        self.on_volume(volume_type='fast', encrypted=False)
        result = self.openstack(f'{RESTORE} data --force')
        self.assertEqual(result.status, 1)
        self.assertIn('the backup is encrypted', result.stderr)


class AccessRulesTest(RestoreTest):
    """An application credential that allows requests for backups only."""

    def test_refused_look_up_of_a_name_recommends_the_name_option(self) -> None:
        self.cloud.refuse('GET /volumes/detail?name=fresh', 401, 'Unauthorized')
        result = self.openstack(f'{RESTORE} fresh')
        self.assertEqual(result.status, 1)
        self.assertIn('does not allow this request with these credentials', result.stderr)
        self.assertIn('without looking for an existing one: --name fresh', result.stderr)
        self.assertNotIn(POST, self.cloud.lines)

    def test_the_command_to_use_instead_is_safe_to_copy(self) -> None:
        self.cloud.refuse('GET /volumes/detail?name=a b', 401, 'Unauthorized')
        result = self.openstack([*RESTORE.split(), 'a b'])
        self.assertIn("existing one: --name 'a b'\n", result.stderr)

    def test_new_name_needs_no_look_up(self) -> None:
        self.assertEqual(self.openstack(f'{RESTORE} --name fresh').status, 0)
        self.assert_asked(f'GET /backups/{ID}', GET_SOURCE, POST)

    def test_id_with_force_needs_no_look_up(self) -> None:
        self.cloud.refuse(f'GET /volumes/{OTHER_VOLUME_ID}', 401, 'Unauthorized')
        self.assertEqual(self.openstack(f'{RESTORE} {OTHER_VOLUME_ID} --force').status, 0)
        self.assert_sent(POST, {'restore': {'volume_id': OTHER_VOLUME_ID}})

    def test_id_with_force_is_checked_if_data_may_be_lost(self) -> None:
        self.cloud.refuse(f'GET /volumes/{OTHER_VOLUME_ID}', 403, 'Policy forbids it.')
        self.assertEqual(self.openstack(f'{RESTORE} {OTHER_VOLUME_ID}').status, 1)
        self.on_backup(encryption_key_id='key')
        self.assertEqual(self.openstack(f'{RESTORE} {OTHER_VOLUME_ID} --force').status, 1)
        self.assertNotIn(POST, self.cloud.lines)


class OwnerTest(RestoreTest):
    def test_administrator_is_warned_about_the_owner_of_the_new_volume(self) -> None:
        self.use_cloud(roles=('admin',))
        self.on_backup(**{'os-backup-project-attr:project_id': OTHER_PROJECT})
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': 'data'}
        self.cloud.on(POST, {'restore': said}, status=202)
        result = self.openstack(RESTORE)
        self.assertEqual(
            result.stderr,
            f'Backup {NAMED} belongs to project {OTHER_PROJECT}. The new volume belongs to your '
            f'project, {OWN_PROJECT}, and counts towards its quota.\n',
        )


class SourceGoneTest(RestoreTest):
    def test_deleted_source_is_distinguished_from_a_mistyped_id(self) -> None:
        self.on_backup(volume_id=VOLUME_ID)
        self.cloud.refuse(f'GET /volumes/{VOLUME_ID}', 404, 'Volume could not be found.')
        self.cloud.on(f'GET /volumes/detail?name={VOLUME_ID}', {'volumes': []})
        self.assert_refused(
            VOLUME_ID,
            f"Volume '{VOLUME_ID}', the source of backup {NAMED}, no longer exists. To "
            f'restore to a new volume: openstack volume backup restore {ID}',
        )


class LostAnswerTest(RestoreTest):
    """A restore is not repeated, because it might create a second volume."""

    def lose(self, line: str, status: int | None) -> None:
        self.use_cloud()
        self.on_backup()
        self.on_no_new_volume()
        if status is None:
            self.cloud.fail(line, RESET)
        else:
            self.cloud.refuse(line, status, 'Boom.')

    def assert_unknown(self, options: str, line: str) -> None:
        for status in (None, 500, 502, 503, 504):
            with self.subTest(status):
                self.lose(line, status)
                result = self.openstack(f'{RESTORE} {options}')
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertTrue(result.stderr.startswith(f'Cannot restore backup {NAMED}: '))
                self.assertTrue(
                    result.stderr.endswith(
                        ' It is unknown whether the restore has begun. Before you try again, '
                        'check: openstack volume list\n'
                    ),
                    result.stderr,
                )
                self.assertEqual(self.cloud.lines.count(line), 1)

    def test_lost_answer_of_a_restore_is_reported(self) -> None:
        self.assert_unknown('', POST)

    def test_lost_answer_of_a_created_volume_is_reported(self) -> None:
        self.assert_unknown('--type fast', POST_VOLUME)

    def test_refusal_is_not_an_unknown_outcome(self) -> None:
        for options, line in (('', POST), ('--type fast', POST_VOLUME)):
            for status in (400, 403, 413, 429):
                with self.subTest(line, status=status):
                    self.lose(line, status)
                    result = self.openstack(f'{RESTORE} {options}')
                    self.assertEqual(result.status, 1)
                    self.assertNotIn('unknown', result.stderr)


class WaitTest(RestoreTest):
    GET = f'GET /volumes/{VOLUME_ID}'

    def on_statuses(self, *statuses: str, name: str = 'data', **fields: Any) -> None:
        for status in statuses:
            self.cloud.on(self.GET, {'volume': volume(status=status, name=name, **fields)})
        self.cloud.on(f'GET /messages?resource_uuid={VOLUME_ID}', {'messages': []})

    def test_wait_watches_the_volume(self) -> None:
        self.on_statuses('restoring-backup', 'available')
        self.assert_prints(
            f'{RESTORE} --wait',
            f'{ID}\n{VOLUME_ID}\ndata\n',
            f"Volume 'data' ({VOLUME_ID}): restoring-backup\n"
            f"Volume 'data' ({VOLUME_ID}): available",
        )
        self.assert_asked(f'GET /backups/{ID}', GET_SOURCE, POST, self.GET, self.GET)

    def test_failed_restore_says_how_to_try_again(self) -> None:
        self.on_statuses('restoring-backup', 'error_restoring')
        self.assert_fails(
            f'-q {RESTORE} --wait',
            f"Volume 'data' ({VOLUME_ID}) is in status error_restoring. The volume does not "
            f'contain the data. To delete it: openstack volume delete {VOLUME_ID}. To try again: '
            f'openstack volume backup restore {ID}',
        )

    def test_failed_encrypted_restore_does_not_advise_to_delete_the_volume(self) -> None:
        self.on_statuses('restoring-backup', 'error_restoring', encrypted=True)
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual(result.status, 1)
        self.assertIn('it may have the encryption key of the source volume', result.stderr)
        self.assertNotIn('volume delete', result.stderr)

    def test_status_error_means_an_aborted_restore(self) -> None:
        self.on_statuses('restoring-backup', 'error')
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual(result.status, 1)
        self.assertIn("reset of the backup's status probably aborted", result.stderr)
        self.assertIn(f'openstack volume delete {VOLUME_ID}', result.stderr)

    def test_aborted_restore_is_recognized_by_the_backup_status(self) -> None:
        reason = 'Restore backup aborted: expected backup status restoring but got error.'
        aborted = backup(status='error', fail_reason=reason)
        self.cloud.on(f'GET /backups/{ID}', {'backup': aborted})
        self.on_statuses('error')
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual(result.status, 1)
        self.assertIn(
            f'Backup {NAMED} is in status error ({reason[:-1]}): a reset of its status probably '
            'aborted the restore.',
            result.stderr,
        )

    def test_the_reason_of_an_aborted_restore_is_safe_to_show(self) -> None:
        aborted = backup(status='error', fail_reason='Torn\x1b off. ' + 'x' * 1000)
        self.cloud.on(f'GET /backups/{ID}', {'backup': aborted})
        self.on_statuses('error')
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertIn(r'(Torn\x1b off. xxx', result.stderr)
        self.assertIn('xxx [...] xxx', result.stderr)

    def test_name_is_read_after_the_wait(self) -> None:
        self.cloud._answers.pop(POST)  # noqa: SLF001
        said = {
            'backup_id': ID,
            'volume_id': VOLUME_ID,
            'volume_name': f'restore_backup_{ID}',
        }
        self.cloud.on(POST, {'restore': said}, status=202)
        self.on_statuses('restoring-backup', 'available', name='ledger')
        result = self.openstack(f'-q volume backup restore {ID} --wait -f value -c volume_name')
        self.assertEqual(result, Result(0, 'ledger\n', ''))

    def test_volume_in_use_was_restored(self) -> None:
        self.on_statuses('restoring-backup', 'in-use')
        self.assertEqual(self.openstack(f'-q {RESTORE} --wait').status, 0)

    def test_failed_restore_over_a_volume_does_not_advise_to_delete_it(self) -> None:
        self.on_volume()
        self.on_statuses('error_restoring')
        result = self.openstack(f'-q {RESTORE} data --force --wait')
        self.assertEqual(result.status, 1)
        self.assertNotIn('volume delete', result.stderr)
        self.assertIn(f'openstack volume backup restore {ID}', result.stderr)

    def test_volume_in_error_may_not_have_been_created(self) -> None:
        self.on_statuses('creating', 'error')
        result = self.openstack(f'-q {RESTORE} --type fast --wait')
        self.assertEqual(result.status, 1)
        self.assertIn('could not be created, or', result.stderr)

    def test_volume_created_from_a_backup_is_watched(self) -> None:
        self.on_statuses('creating', 'restoring-backup', 'available', name='fresh')
        result = self.openstack(f'-q {RESTORE} --type fast --wait')
        self.assertEqual(result, Result(0, f'{ID}\n{VOLUME_ID}\nfresh\n', ''))
        self.assertEqual(self.cloud.lines[-3:], [self.GET] * 3)

    def test_final_name_of_the_volume_is_printed(self) -> None:
        # Cinder creates the volume under another name, and renames it after the restore.
        made_as = f'restore_backup_{ID}'
        self.use_cloud()
        self.on_backup()
        said = {'backup_id': ID, 'volume_id': VOLUME_ID, 'volume_name': made_as}
        self.cloud.on(POST, {'restore': said}, status=202)
        self.on_statuses('restoring-backup', name=made_as)
        self.on_statuses('available', name='ledger')
        result = self.openstack(f'-q {RESTORE} --wait -c volume_name')
        self.assertEqual(result, Result(0, 'ledger\n', ''))

    def test_volume_in_use_again_was_restored(self) -> None:
        for status in ('in-use', 'reserved', 'attaching', 'backing-up'):
            with self.subTest(status):
                self.setUp()
                self.on_statuses('restoring-backup', status)
                self.assert_prints(f'-q {RESTORE} --wait', f'{ID}\n{VOLUME_ID}\ndata\n')

    def test_volume_deleted_during_the_wait_was_not_restored(self) -> None:
        self.on_statuses('restoring-backup', 'deleting')
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn(f"Volume 'data' ({VOLUME_ID}) is in status deleting.", result.stderr)

    def test_time_limit_names_the_command_that_shows_the_volume(self) -> None:
        self.on_statuses('restoring-backup')
        self.assert_fails(
            f'-q {RESTORE} --wait --timeout 10m',
            'Timed out after 10m00s; nothing was cancelled. The cloud may still be working on '
            f"volume 'data' ({VOLUME_ID}) (to check: openstack volume show {VOLUME_ID}).",
            status=3,
        )
        self.assertEqual(self.clock.passed, 600)

    def test_ctrl_c_cancels_nothing(self) -> None:
        self.on_statuses('restoring-backup')
        self.clock.interrupt_at(4)
        result = self.openstack(f'-q {RESTORE} --wait')
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertIn(f'openstack volume show {VOLUME_ID}', result.stderr)
        self.assertFalse([line for line in self.cloud.lines if line.startswith('DELETE')])

    def test_restarting_cloud_is_waited_for(self) -> None:
        self.on_statuses('restoring-backup')
        self.cloud.fail(self.GET, RESET)
        self.cloud.refuse(self.GET, 503, 'Starting.')
        self.on_statuses('available')
        result = self.openstack(f'{RESTORE} --wait')
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stderr.count('Retrying until the cloud answers.'), 1)
        self.assertEqual(self.cloud.lines.count(POST), 1)
