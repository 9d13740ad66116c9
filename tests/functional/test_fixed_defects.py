# SPDX-License-Identifier: Apache-2.0
"""Defects of the built-in commands that the plugin fixes; each test runs both (see fixes)."""

import json
import time
import uuid

from backupext.core import releases
from tests.functional.base import FunctionalTest, fixes, make_project
from tests.releases import installed


class RestoreTest(FunctionalTest):
    """Restores that would create an unwanted volume."""

    def volumes(self) -> list[str]:
        rows = self.sql(
            'SELECT id FROM volumes WHERE project_id = ? AND NOT deleted', self.project.id
        )
        return sorted(row[0] for row in rows)

    def assert_refused(self, arguments: str, *words: str) -> None:
        """Expect a refusal that names the volume, and no new volume."""
        before = self.volumes()
        sentence = self.fails(f'volume backup restore {arguments}')
        for word in words:
            self.assertIn(word, sentence)
        self.assertEqual(self.volumes(), before)

    @fixes
    def test_restore_refuses_an_ambiguous_volume_name(self) -> None:
        name = self.unique('twin')
        one, other = self.make_volume(name), self.make_volume(name)
        backup = self.make_backup(one)
        self.assert_refused(f'{backup} {name}', one, other)
        self.assert_refused(f'--force {backup} {name}', one, other)

    @fixes
    def test_restore_refuses_an_unknown_volume_id(self) -> None:
        backup = self.make_backup(self.make_volume())
        unknown = str(uuid.uuid4())
        self.assert_refused(f'{backup} {unknown}', unknown)

    @fixes
    def test_restore_refuses_a_volume_of_another_project(self) -> None:
        stranger = make_project(self.box)
        theirs = self.make_volume(owner=stranger.member)
        backup = self.make_backup(self.make_volume())
        self.assert_refused(f'{backup} {theirs}', theirs)

    @fixes
    def test_restore_works_without_a_volume(self) -> None:
        backup = self.make_backup(self.make_volume('source'))
        restored = json.loads(self.backup(f'restore {backup} -f json'))
        self.assertEqual(restored['id'], backup)
        self.wait_for('volume', restored['volume_id'])

    @fixes
    def test_restore_accepts_force_between_the_arguments(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        self.backup(f'restore {backup} --force {volume}')


class DeleteTest(FunctionalTest):
    """Deletions that would affect something else."""

    def backups_left(self) -> int:
        rows = self.sql(
            'SELECT COUNT(*) FROM backups WHERE project_id = ? AND NOT deleted', self.project.id
        )
        return int(rows[0][0])

    @fixes
    def test_path_to_a_volume_does_not_delete_the_volume(self) -> None:
        volume = self.make_volume()
        self.run_openstack(f'volume backup delete ../volumes/{volume}')
        self.assertEqual(self.status('volume', volume), 'available')

    @fixes
    def test_path_to_a_volume_is_reported_as_not_found(self) -> None:
        volume = self.make_volume()
        result = self.run_openstack(f'volume backup delete ../volumes/{volume}')
        self.assertEqual(result.status, 1)
        self.assertIn(f"No backup has the name or ID '../volumes/{volume}'", result.stderr)

    @fixes
    def test_references_that_look_like_routes_are_not_found(self) -> None:
        for reference in ('..', 'detail', '../volumes', 'detail?x', 'detail#x'):
            sentence = self.fails(['volume', 'backup', 'show', reference])
            self.assertIn(f"'{reference}'", sentence)

    @fixes
    def test_empty_name_is_refused(self) -> None:
        self.make_backup(self.make_volume(), name='')
        before = self.backups_left()
        result = self.run_openstack(['volume', 'backup', 'delete', ''])
        self.assertEqual((result.status, self.backups_left()), (2, before))

    @fixes
    def test_parent_in_another_project_is_kept(self) -> None:
        volume = self.make_volume()
        parent = self.make_backup(volume)
        child = self.make_backup(volume, incremental=True, name='child')
        result = self.run_openstack(f'volume backup delete {parent}', self.admin)
        self.assertEqual((result.status, self.status('backup', parent)), (1, 'available'))
        self.assertIn(child, result.stderr)

    @fixes
    def test_force_keeps_a_parent_in_another_project(self) -> None:
        volume = self.make_volume()
        parent = self.make_backup(volume)
        self.make_backup(volume, incremental=True)
        result = self.run_openstack(f'volume backup delete --force {parent}', self.admin)
        self.assertEqual((result.status, self.status('backup', parent)), (1, 'available'))

    @fixes
    def test_message_names_the_status_that_prevents_deletion(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.sql("UPDATE backups SET status = 'restoring' WHERE id = ?", backup)
        result = self.run_openstack(f'volume backup delete {backup}')
        self.assertIn('restoring', result.stderr)


class PropertiesTest(FunctionalTest):
    """Properties that cannot be removed, and names that cannot be cleared."""

    def properties(self, backup: str) -> dict[str, str]:
        rows = self.sql(
            'SELECT key, value FROM backup_metadata WHERE backup_id = ? AND NOT deleted', backup
        )
        return dict(rows)

    def field(self, backup: str, field: str) -> str:
        return str(json.loads(self.backup(f'show {backup} -f json'))[field])

    @fixes
    def test_unset_removes_one_of_several_properties(self) -> None:
        backup = self.make_backup(self.make_volume(), metadata={'a': '1', 'b': '2'})
        self.backup(f'unset {backup} --property a')
        self.assertEqual(self.properties(backup), {'b': '2'})

    @fixes
    def test_unset_removes_all_properties(self) -> None:
        backup = self.make_backup(self.make_volume(), metadata={'a': '1', 'b': '2'})
        self.backup(f'unset {backup} --property a --property b')
        self.assertEqual(self.properties(backup), {})

    @fixes
    def test_unset_without_property_is_a_usage_error(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assertIn('--property', self.fails(f'volume backup unset {backup}', status=2))

    @fixes
    def test_set_without_options_is_a_usage_error(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assertIn('--property', self.fails(f'volume backup set {backup}', status=2))

    @fixes
    def test_empty_name_clears_the_name(self) -> None:
        backup = self.make_backup(self.make_volume(), name='old', description='old')
        self.backup(f"set {backup} --name ''")
        self.assertEqual(self.field(backup, 'name'), '')

    @fixes
    def test_empty_description_clears_the_description(self) -> None:
        backup = self.make_backup(self.make_volume(), name='old', description='old')
        self.backup(f"set {backup} --description ''")
        self.assertEqual(self.field(backup, 'description'), '')

    @fixes
    def test_set_changes_nothing_if_an_option_is_unavailable(self) -> None:
        backup = self.make_backup(self.make_volume())
        pinned = '--os-volume-api-version 3.42 volume backup set'
        self.fails(f'{pinned} --state error --property k=v {backup}', self.admin_here)
        time.sleep(1)  # the status changes shortly after the answer
        self.assertEqual(self.status('backup', backup), 'available')

    @fixes
    def test_last_of_incremental_and_no_incremental_wins(self) -> None:
        volume = self.make_volume()
        self.make_backup(volume)
        options = '--incremental --no-incremental -f value -c id'
        full = self.backup(f'create {volume} {options}')
        self.assertEqual(self.field(full, 'is_incremental'), 'False')


class RecordTest(FunctionalTest):
    """Records that cannot be imported."""

    @fixes
    def test_record_is_imported(self) -> None:
        backup = self.make_backup(self.make_volume(), name='kept', metadata={'a': 'b'})
        record = json.loads(self.backup(f'record export {backup} -f json', self.admin_here))
        # Like a cloud that has lost its database; the data is still in the backup store.
        self.sql('DELETE FROM backup_metadata WHERE backup_id = ?', backup)
        self.sql('DELETE FROM backups WHERE id = ?', backup)
        imported = json.loads(
            self.openstack(
                [
                    *('volume', 'backup', 'record', 'import', '-f', 'json'),
                    *(record['backup_service'], record['backup_url']),
                ],
                self.admin_here,
            )
        )
        # Cinder reads the record later, so it has no name yet.
        self.assertEqual(imported, {'id': backup, 'name': None})
        self.wait_for('backup', backup)
        shown = json.loads(self.backup(f'show {backup} -f json'))
        self.assertEqual((shown['name'], shown['metadata']), ('kept', {'a': 'b'}))


class ListTest(FunctionalTest):
    """Lists that leave out backups."""

    def listed(self, options: str, environment: dict[str, str] | None = None) -> list[str]:
        return self.backup(f'list {options} -f value -c ID', environment).split()

    @fixes
    def test_list_accepts_the_id_of_a_deleted_volume(self) -> None:
        volume = self.make_volume()
        backup = self.make_backup(volume)
        self.openstack(f'volume delete {volume}')
        self.wait_for('volume', volume, 'deleted')
        self.assertEqual(self.listed(f'--volume {volume}'), [backup])

    @fixes
    def test_list_finds_a_volume_name_in_another_project(self) -> None:
        name = self.unique('theirs')
        backup = self.make_backup(self.make_volume(name))
        self.assertEqual(self.listed(f'--all-projects --volume {name}', self.admin), [backup])

    @fixes
    def test_list_shows_the_id_of_a_volume_without_a_name(self) -> None:
        volume = self.make_volume()
        self.make_backup(volume)
        self.sql('UPDATE volumes SET display_name = NULL WHERE id = ?', volume)
        self.assertIn(volume, self.backup('list --long'))

    @fixes
    def test_max_items_of_zero_lists_nothing(self) -> None:
        self.make_backup(self.make_volume())
        self.assertEqual(self.listed('--max-items 0'), [])

    @fixes
    def test_list_warns_members_about_all_projects(self) -> None:
        self.make_backup(self.make_volume())
        result = self.run_openstack('volume backup list --all-projects')
        self.assertEqual(result.status, 0)
        self.assert_is_a_sentence(result.stderr)

    @fixes
    def test_members_list_their_own_project_by_name(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.assertIn(backup, self.listed(f'--project {self.project.name}'))
        self.assertIn(backup, self.listed(f'--project {self.project.id}'))

    @fixes
    def test_list_accepts_status_error_deleting(self) -> None:
        backup = self.make_backup(self.make_volume())
        self.sql("UPDATE backups SET status = 'error_deleting' WHERE id = ?", backup)
        self.assertIn(backup, self.listed('--status error_deleting'))


class MessageTest(FunctionalTest):
    """Messages that do not help."""

    @fixes
    def test_message_lists_the_ids_of_an_ambiguous_name(self) -> None:
        name = self.unique('twin')
        volume = self.make_volume()
        one, other = (self.make_backup(volume, name=name) for _ in range(2))
        sentence = self.fails(f'volume backup show {name}')
        for word in (one, other, 'available', '202'):
            self.assertIn(word, sentence)

    @fixes
    def test_line_break_in_a_description_is_explained(self) -> None:
        volume = self.make_volume()
        create = ['volume', 'backup', 'create', volume, '--description', 'two\nlines']
        self.assertLess(len(self.fails(create)), 400)

    @fixes
    def test_spaces_around_a_name_are_ignored(self) -> None:
        name = f'  {self.unique("spaced")} '
        backup = self.make_backup(self.make_volume(), name=name)
        shown = self.openstack(['volume', 'backup', 'show', name, '-f', 'value', '-c', 'id'])
        self.assertEqual(shown, backup)

    @fixes
    def test_pin_above_the_cloud_is_explained(self) -> None:
        sentence = self.fails('--os-volume-api-version 3.99 volume backup list')
        self.assertLess(len(sentence), 200)
        older = releases.NEWER_THAN_THE_CLIENT.applies(installed())
        self.assertIn('supported by client: 3.0 - 3.' if older else '3.0 to 3.71', sentence)
