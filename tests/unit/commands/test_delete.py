# SPDX-License-Identifier: Apache-2.0
from tests.unit.rows import ID, OTHER_ID, VOLUME_ID, backup
from tests.unit.shell import CommandTest, Result
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

PROJECT = 'os-backup-project-attr:project_id'
INCREMENTALS_EXIST = 'Invalid backup: Incremental backups exist for this backup.'


class DeleteTest(CommandTest):
    def test_id_takes_a_look_up_and_a_deletion(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        self.cloud.on(f'DELETE /backups/{ID}', status=202)
        self.assert_prints(f'volume backup delete {ID}', '')
        self.assert_asked(f'GET /backups/{ID}', f'DELETE /backups/{ID}')

    def test_name_takes_a_look_up_and_a_deletion(self) -> None:
        self.cloud.on('GET /backups/detail?name=nightly', {'backups': [backup()]})
        self.cloud.on(f'DELETE /backups/{ID}', status=202)
        self.assert_prints('volume backup delete nightly', '')
        self.assert_asked('GET /backups/detail?name=nightly', f'DELETE /backups/{ID}')

    def test_all_backups_are_found_first(self) -> None:
        older = backup(ID, created_at='2026-11-01T02:00:00.000000')
        newer = backup(OTHER_ID, created_at='2026-11-02T02:00:00.000000')
        for row in (older, newer):
            self.cloud.on(f'GET /backups/{row["id"]}', {'backup': row})
            self.cloud.on(f'DELETE /backups/{row["id"]}', status=202)
        for first, second in ((ID, OTHER_ID), (OTHER_ID, ID)):
            with self.subTest(first=first):
                self.cloud.asked.clear()
                self.assert_prints(f'volume backup delete {first} {second}', '')
                found, deleted = self.cloud.lines[:2], self.cloud.lines[2:]
                self.assertEqual(sorted(found), [f'GET /backups/{ID}', f'GET /backups/{OTHER_ID}'])
                self.assertEqual(
                    sorted(deleted), [f'DELETE /backups/{ID}', f'DELETE /backups/{OTHER_ID}']
                )

    def test_other_backups_are_deleted_after_a_failure(self) -> None:
        for name, id_ in (('a', ID), ('b', OTHER_ID)):
            self.cloud.on(f'GET /backups/detail?name={name}', {'backups': [backup(id_, name=name)]})
            self.cloud.on(f'DELETE /backups/{id_}', status=202)
        self.cloud.on('GET /backups/detail?name=nosuch', {'backups': []})
        self.assert_fails(
            'volume backup delete a nosuch b',
            "No backup has the name or ID 'nosuch'.\n1 of 3 backups failed to delete.",
        )
        self.assertIn(f'DELETE /backups/{OTHER_ID}', self.cloud.lines)

    def test_each_failure_is_reported(self) -> None:
        self.cloud.on('GET /backups/detail?name=a', {'backups': []})
        self.cloud.on('GET /backups/detail?name=b', {'backups': []})
        self.assert_fails(
            'volume backup delete a b',
            "No backup has the name or ID 'a'.\nNo backup has the name or ID 'b'.\n"
            '2 of 2 backups failed to delete.',
        )

    def test_empty_reference_among_others_deletes_nothing(self) -> None:
        self.assert_misused(
            ['volume', 'backup', 'delete', ID, ''],
            'argument <backup>: must not be empty (is a shell variable unset?)',
        )

    def test_refusal_because_of_incrementals_has_advice(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup()})
        self.cloud.refuse(f'DELETE /backups/{ID}', 400, INCREMENTALS_EXIST)
        self.cloud.on(f'GET /backups/detail?volume_id={VOLUME_ID}', {'backups': [backup()]})
        self.assert_fails(
            f'volume backup delete {ID}',
            f"Cannot delete backup 'nightly' ({ID}): incremental backups depend on it (the server "
            'said: Invalid backup: Incremental backups exist for this backup). Delete them first, '
            'newest first.',
        )

    def test_refusal_names_the_status(self) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(status='creating', name=None)})
        said = 'Invalid backup: Backup status must be available or error.'
        self.cloud.refuse(f'DELETE /backups/{ID}', 400, said)
        self.assert_fails(
            f'volume backup delete {ID}',
            f'Cannot delete backup {ID} in status creating: {said}',
        )


class ForceTest(CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.on_deletable(maximum='3.71')

    def on_deletable(self, maximum: str) -> None:
        self.use_cloud(roles=('admin',), maximum=maximum)
        owned = {PROJECT: OWN_PROJECT} if maximum == '3.71' else {}
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(status='deleting', **owned)})
        self.cloud.on(f'GET /backups/detail?parent_id={ID}&all_tenants=1', {'backups': []})
        self.cloud.on(f'POST /backups/{ID}/action', status=202)

    def test_force_uses_the_action(self) -> None:
        self.assert_prints(f'volume backup delete {ID} --force', '')
        self.assert_asked(f'GET /backups/{ID}', f'POST /backups/{ID}/action')
        self.assert_sent(f'POST /backups/{ID}/action', {'os-force_delete': None})
        self.assertEqual(self.cloud.asked[-1].microversion, '3.71')

    def test_force_works_on_the_oldest_cloud(self) -> None:
        self.on_deletable(maximum='3.0')
        self.assert_prints(f'volume backup delete {ID} --force', '')
        self.assert_sent(f'POST /backups/{ID}/action', {'os-force_delete': None})
        self.assertEqual(self.cloud.asked[-1].microversion, '3.0')

    def test_force_works_with_any_pin(self) -> None:
        self.assert_prints(f'--os-volume-api-version 3.20 volume backup delete {ID} --force', '')
        self.assert_sent(f'POST /backups/{ID}/action', {'os-force_delete': None})
        self.assertEqual(self.cloud.asked[-1].microversion, '3.20')


class ForeignParentTest(CommandTest):
    """Cinder looks for incremental backups only in the project of the caller."""

    def setUp(self) -> None:
        self.use_cloud(roles=('admin', 'member'))

    def on_backup(self, **fields: str) -> None:
        self.cloud.on(f'GET /backups/{ID}', {'backup': backup(**fields)})
        self.cloud.on(f'DELETE /backups/{ID}', status=202)
        self.cloud.on(f'POST /backups/{ID}/action', status=202)

    def on_dependents(self, *ids: str) -> None:
        rows = [backup(id_, name='child') for id_ in ids]
        self.cloud.on(f'GET /backups/detail?parent_id={ID}&all_tenants=1', {'backups': rows})

    def test_parent_in_another_project_is_never_deleted(self) -> None:
        self.on_backup(**{PROJECT: OTHER_PROJECT})
        self.on_dependents(OTHER_ID)
        for command in (f'volume backup delete {ID}', f'volume backup delete --force {ID}'):
            with self.subTest(command):
                self.cloud.asked.clear()
                self.assert_fails(
                    command,
                    f"Cannot delete backup 'nightly' ({ID}): incremental backups depend on it: "
                    f"'child' ({OTHER_ID}). Delete them first, newest first.",
                )
                self.assert_asked(
                    f'GET /backups/{ID}', f'GET /backups/detail?parent_id={ID}&all_tenants=1'
                )

    def test_backup_without_dependents_in_another_project_is_deleted(self) -> None:
        self.on_backup(**{PROJECT: OTHER_PROJECT})
        self.on_dependents()
        self.assert_prints(f'volume backup delete {ID}', '')
        self.assertEqual(self.cloud.lines[-1], f'DELETE /backups/{ID}')

    def test_cinder_protects_parents_in_the_own_project(self) -> None:
        self.on_backup(**{PROJECT: OWN_PROJECT})
        self.assert_prints(f'volume backup delete {ID}', '')
        self.assert_asked(f'GET /backups/{ID}', f'DELETE /backups/{ID}')

    def test_dependents_are_checked_if_the_version_hides_the_project(self) -> None:
        self.on_backup()
        self.on_dependents()
        self.assert_prints(f'--os-volume-api-version 3.17 volume backup delete {ID}', '')
        self.assert_asked(
            'GET ',
            f'GET /backups/{ID}',
            f'GET /backups/detail?parent_id={ID}&all_tenants=1',
            f'DELETE /backups/{ID}',
        )

    def test_refusal_does_not_guess_a_hidden_project(self) -> None:
        self.on_backup()
        self.on_dependents(OTHER_ID)
        result = self.openstack(f'--os-volume-api-version 3.17 volume backup delete {ID}')
        self.assertEqual((result.status, self.cloud.lines[-1][:3]), (1, 'GET'))
        self.assertNotIn('belongs to another project', result.stderr)

    def test_nothing_is_deleted_if_dependents_cannot_be_listed(self) -> None:
        self.on_backup(**{PROJECT: OTHER_PROJECT})
        self.cloud.refuse(f'GET /backups/detail?parent_id={ID}&all_tenants=1', 503, 'Busy.')
        result = self.openstack(f'volume backup delete {ID}')
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('Cannot list backups: the service is not available', result.stderr)
        self.assertEqual(self.cloud.lines[-1][:3], 'GET')

    def test_members_do_not_ask_for_dependents(self) -> None:
        self.use_cloud()
        self.on_backup()
        self.assertEqual(self.openstack(f'volume backup delete {ID}'), Result(0, '', ''))
        self.assert_asked(f'GET /backups/{ID}', f'DELETE /backups/{ID}')
