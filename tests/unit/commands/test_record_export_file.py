# SPDX-License-Identifier: Apache-2.0
"""``record export --output-file``."""

import json
import stat
import threading
import tracemalloc
from unittest import mock

from backupext.cloud import Cloud
from backupext.core.models import Backup
from backupext.core.records import Record, render
from tests.unit.recording import SOURCE, RecordTest, document, record
from tests.unit.rows import OTHER_ID, OTHER_VOLUME_ID, volume
from tests.unit.stub import ACCOUNT, KEYSTONE, OTHER_PROJECT, OWN_PROJECT

RECORD = 'volume backup record export'
LIST = 'GET /backups/detail'
FORBIDDEN = 'Policy forbids it.'


class UsageTest(RecordTest):
    def test_nothing_or_too_much_to_export_is_a_usage_error(self) -> None:
        for options in ('', '--output-file x', 'b1 --all', '--all --volume v', 'b1 --volume v'):
            with self.subTest(options):
                self.assert_fails(
                    f'{RECORD} {options}',
                    'Give backups, --volume or --all, and only one of these.',
                    status=2,
                )
        self.assert_asked()

    def test_new_options_require_a_file(self) -> None:
        for options, what in (
            ('--all', '--all'),
            ('--volume v', '--volume'),
            ('b1 --chain', '--chain'),
            ('b1 --update', '--update'),
            ('b1 --timeout 1h', '--timeout'),
            ('b1 b2', 'More than one backup'),
        ):
            with self.subTest(options):
                self.assert_fails(
                    f'{RECORD} {options}', f'{what} requires --output-file.', status=2
                )
        self.assert_asked()

    def test_property_filters_lists_only(self) -> None:
        self.assert_fails(
            f'{RECORD} b1 --property a --output-file x',
            '--property requires --volume or --all.',
            status=2,
        )

    def test_empty_path_is_a_usage_error(self) -> None:
        result = self.openstack([*RECORD.split(), '--all', '--output-file', ''])
        self.assertEqual((result.status, result.stdout), (2, ''))
        self.assertIn('is a shell variable unset?', result.stderr)


class FileTest(RecordTest):
    def test_every_backup_is_exported_with_one_list_and_one_request_each(self) -> None:
        ids = self.keep_chain(3)
        result = self.export()
        self.assertEqual((result.status, result.stderr), (0, ''))
        self.assertEqual(self.exported, ids)
        self.assertEqual(self.cloud.lines[0], LIST)
        self.assertEqual(sorted(self.cloud.exports), ids)
        self.assertEqual(len(self.cloud.lines), 1 + len(ids))

    def test_document_says_when_and_from_where(self) -> None:
        self.cloud.keep(1, metadata={'job': 'a'}, name='caf\u00e9')
        self.export()
        written = self.read()
        self.assertEqual(written.exported_at, '2026-11-25T02:00:00Z')
        self.assertEqual(written.source, ('http://identity.test/v3', '', OWN_PROJECT, 'own'))
        (only,) = written.records
        self.assertEqual((only.name, only.metadata), ('caf\u00e9', {'job': 'a'}))

    def test_credentials_in_the_url_of_the_cloud_are_not_written(self) -> None:
        with_credentials = {**ACCOUNT, 'auth_url': KEYSTONE.replace('//', '//me:secret@')}
        self.cloud.keep(1)
        with mock.patch('tests.unit.stub.ACCOUNT', with_credentials):
            self.cloud.configure(self.folder / 'clouds.yaml')
        self.assertEqual(self.export().status, 0)
        self.assertEqual(self.read().source.cloud, KEYSTONE)

    def test_output_says_what_the_file_has(self) -> None:
        self.keep_chain(2)
        result = self.openstack(f'{RECORD} --all --output-file {self.file} -f json')
        self.assertEqual(
            json.loads(result.stdout),
            {'file': str(self.file), 'records': 2, 'exported': 2, 'kept': 0, 'removed': 0},
        )

    def test_file_is_private(self) -> None:
        self.cloud.keep(1)
        self.export()
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(list(self.folder.iterdir()), [self.file])

    def test_folder_gets_a_file_for_the_project(self) -> None:
        self.cloud.keep(1)
        result = self.openstack(f'{RECORD} --all --output-file {self.folder} -f value -c file')
        path = self.folder / f'own-{OWN_PROJECT}.json'
        self.assertEqual(result.stdout, f'{path}\n')
        self.assertTrue(path.is_file())

    def test_symbolic_link_is_followed(self) -> None:
        self.cloud.keep(1)
        link = self.folder / 'link'
        link.symlink_to(self.file)
        self.openstack(f'{RECORD} --all --output-file {link}')
        self.assertTrue(link.is_symlink())
        self.assertEqual(len(self.exported), 1)

    def test_unwritable_path_is_refused_before_the_first_export(self) -> None:
        self.cloud.keep(1)
        path = self.folder / 'missing' / 'file'
        self.assert_fails(
            f'{RECORD} --all --output-file {path}',
            f"Cannot write '{path}': there is no folder '{path.parent}'.",
        )
        self.assert_asked()

    def test_full_disk_leaves_the_old_file(self) -> None:
        self.cloud.keep(1)
        self.export()
        before = self.file.read_bytes()
        self.cloud.keep(2)
        with mock.patch('os.fsync', side_effect=OSError(28, 'No space left on device')):
            result = self.export()
        self.assertEqual(result.status, 1)
        self.assertIn('No space left on device', result.stderr)
        self.assertEqual(self.file.read_bytes(), before)
        self.assertEqual(list(self.folder.iterdir()), [self.file])

    def test_project_without_backups_writes_nothing(self) -> None:
        self.assert_fails(
            f'{RECORD} --all --output-file {self.file}', 'No backup to export: nothing was written.'
        )
        self.assertFalse(self.file.exists())


class SelectionTest(RecordTest):
    def test_named_backups_are_exported(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        self.assertEqual(self.export(f'{ids[2]} b1').status, 0)
        self.assertEqual(self.exported, [ids[0], ids[2]])

    def test_backups_of_volumes_are_exported(self) -> None:
        one = self.cloud.keep(1)
        other = self.cloud.keep(2, volume_id=OTHER_VOLUME_ID)
        self.cloud.on(
            'GET /volumes/detail?name=db', {'volumes': [volume(OTHER_VOLUME_ID, name='db')]}
        )
        self.export('--volume db')
        self.assertEqual(self.exported, [other])
        self.export(f'--volume {OTHER_VOLUME_ID} --volume {self.cloud.row(one)["volume_id"]}')
        self.assertEqual(self.exported, [one, other])

    def test_property_narrows_the_list(self) -> None:
        wanted = self.cloud.keep(1, metadata={'job': 'nightly'})
        self.cloud.keep(2, metadata={'job': 'weekly'})
        self.export('--all --property job=nightly')
        self.assertEqual(self.exported, [wanted])

    def test_property_requires_a_microversion(self) -> None:
        self.use_records(maximum='3.42').keep(1)
        result = self.export('--all --property job')
        self.assertEqual(result.status, 1)
        self.assertIn('--property requires Block Storage 3.43', result.stderr)

    def test_unavailable_backups_of_a_list_are_named(self) -> None:
        good, bad = self.cloud.keep(1), self.cloud.keep(2, status='error')
        result = self.export()
        self.assertEqual(result.status, 0)
        self.assertEqual(
            result.stderr,
            f"Only available backups can be exported. These were not: 'b2' ({bad}), error.\n",
        )
        self.assertEqual(self.exported, [good])

    def test_named_backup_that_is_not_available_fails(self) -> None:
        good, bad = self.cloud.keep(1), self.cloud.keep(2, status='error')
        why = (
            f"Backup 'b2' ({bad}) was not exported: its status is error, and only an available "
            'backup can be exported.'
        )
        self.assert_fails(f'{RECORD} b2 --output-file {self.file}', why)
        self.assertFalse(self.file.exists())
        result = self.export('b1 b2')
        self.assertEqual(result.status, 1)
        self.assertEqual(result.stderr, f'{why}\n1 of 2 records were not exported.\n')
        self.assertEqual(self.exported, [good])

    def test_backup_of_another_project_is_refused(self) -> None:
        foreign = self.cloud.keep(1, project=OTHER_PROJECT)
        self.assert_fails(
            f'{RECORD} {foreign} --output-file {self.file}',
            f"Backup 'b1' ({foreign}) was not exported: it belongs to another project, "
            f'{OTHER_PROJECT}. Log in to that project to export it.',
        )

    def test_list_has_the_own_project_only(self) -> None:
        self.cloud.keep(1, project=OTHER_PROJECT)
        own = self.cloud.keep(2)
        self.export()
        self.assertEqual(self.exported, [own])


class ChainTest(RecordTest):
    def test_chain_adds_every_ancestor(self) -> None:
        chain = self.keep_chain(4)
        self.cloud.keep(9)
        self.export(f'{chain[2]} --chain')
        self.assertEqual(self.exported, chain[:3])
        self.assertEqual(sorted(self.cloud.exports), chain[:3])

    def test_chain_of_a_filtered_list_is_complete(self) -> None:
        full, _, last = self.keep_chain(3)
        self.cloud.change(last, metadata={'job': 'a'})
        self.export('--all --property job --chain')
        self.assertEqual(len(self.exported), 3)
        self.assertEqual(self.exported[0], full)

    def test_missing_ancestors_are_named_without_chain(self) -> None:
        full, last = self.keep_chain(2)
        result = self.export(last)
        self.assertEqual(result.status, 0)
        self.assertEqual(
            result.stderr,
            f"The file does not have all that these backups build on: 'b2' ({last}). Without it, "
            'they cannot be restored on most storage. To export it too, use --chain.\n',
        )
        self.assertEqual(self.export(f'{last} --chain').stderr, '')
        self.assertEqual(self.exported, [full, last])

    def test_ancestor_that_is_not_available_fails(self) -> None:
        full, last = self.keep_chain(2)
        self.cloud.change(full, status='error')
        result = self.export(f'{last} --chain')
        self.assertEqual(result.status, 1)
        self.assertIn(f"Backup 'b1' ({full}) was not exported: its status is error", result.stderr)
        self.assertEqual(self.exported, [last])


class UpdateTest(RecordTest):
    def update(self, what: str = '--all') -> dict[str, int | str]:
        """Update the file, and return what the command says about it."""
        self.cloud.asked.clear()
        result = self.openstack(f'{RECORD} {what} --update --output-file {self.file} -f json')
        self.assertEqual((result.status, result.stderr), (0, ''))
        said: dict[str, int | str] = json.loads(result.stdout)
        return said

    def test_missing_file_is_created(self) -> None:
        self.cloud.keep(1)
        self.assertEqual(self.update()['exported'], 1)

    def test_only_new_backups_are_exported(self) -> None:
        old = self.keep_chain(3)
        self.export()
        new = self.cloud.keep(4, old[-1])
        said = self.update()
        self.assertEqual((said['records'], said['exported'], said['kept']), (4, 1, 3))
        self.assertEqual(self.cloud.lines, [LIST, f'GET /backups/{new}/export_record'])
        self.assertEqual(self.exported, [*old, new])

    def test_deleted_backups_are_removed_after_a_second_look(self) -> None:
        ids = self.keep_chain(3)
        self.export()
        self.cloud.remove(ids[2])
        self.assertEqual(self.update()['removed'], 1)
        self.assertEqual(self.cloud.lines, [LIST, f'GET /backups/{ids[2]}'])
        self.assertEqual(self.exported, ids[:2])

    def test_changed_name_and_properties_are_exported_again(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        self.export()
        self.cloud.change(ids[0], name='renamed')
        self.cloud.change(ids[1], metadata={'protected': 'true'})
        said = self.update()
        self.assertEqual((said['exported'], said['kept']), (2, 1))
        by_id = {each.id: each for each in self.read().records}
        self.assertEqual(by_id[ids[0]].name, 'renamed')
        self.assertEqual(by_id[ids[1]].metadata, {'protected': 'true'})

    def test_record_is_kept_if_its_backup_cannot_be_exported_now(self) -> None:
        id_ = self.cloud.keep(1)
        self.export()
        self.cloud.change(id_, status='restoring', name='renamed')
        self.openstack(f'{RECORD} --all --update --output-file {self.file}')
        self.assertEqual([each.name for each in self.read().records], ['b1'])

    def test_records_outside_the_selection_are_kept(self) -> None:
        one, other = self.cloud.keep(1), self.cloud.keep(2)
        self.export(one)
        self.assertEqual(self.update(other)['kept'], 1)
        self.assertEqual(self.exported, [one, other])

    def test_update_without_changes_renews_the_time(self) -> None:
        self.cloud.keep(1)
        self.export()
        self.file.write_text(render(self.read()._replace(exported_at='old')), 'utf-8')
        self.assertEqual(self.update()['exported'], 0)
        self.assertEqual(self.read().exported_at, '2026-11-25T02:00:00Z')

    def test_file_is_kept_if_none_of_its_backups_exists(self) -> None:
        self.keep_chain(2)
        self.export()
        before = self.file.read_bytes()
        for survivors in (0, 1):
            with self.subTest(survivors):
                self.cloud.lose_everything()
                if survivors:
                    self.cloud.keep(9)
                result = self.openstack(f'{RECORD} --all --update --output-file {self.file}')
                self.assertEqual((result.status, result.stdout), (1, ''))
                self.assertEqual(
                    result.stderr,
                    f"No backup whose record is in '{self.file}' exists any more. The file was not "
                    'changed, because its records are needed if Block Storage has lost its '
                    'database. To begin with an empty file, use another path.\n',
                )
                self.assertEqual(self.file.read_bytes(), before)

    def test_damaged_file_is_not_updated(self) -> None:
        self.cloud.keep(1)
        self.export()
        damaged = self.file.read_text('utf-8')[:-9]
        self.file.write_text(damaged, 'utf-8')
        self.cloud.asked.clear()
        self.assert_fails(
            f'{RECORD} --all --update --output-file {self.file}',
            f"Cannot update '{self.file}': it is cut off or damaged. Export to another file, or "
            'without --update.',
        )
        self.assert_asked()
        self.assertEqual(self.file.read_text('utf-8'), damaged)

    def test_file_of_another_project_is_not_updated(self) -> None:
        self.cloud.keep(1)
        self.file.write_text(render(document(record())), 'utf-8')
        self.assert_fails(
            f'{RECORD} --all --update --output-file {self.file}',
            f"Cannot update '{self.file}': it has the records of project 'alpha' "
            f"({SOURCE.project_id}) in region RegionOne, and you are logged in to project 'own' "
            f'({OWN_PROJECT}). Use a file for each project.',
        )


class FailureTest(RecordTest):
    def test_others_are_exported_after_a_failure(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        self.cloud.refuse(
            f'GET /backups/{ids[1]}/export_record', 400, 'Invalid backup: wrong driver.'
        )
        result = self.export()
        self.assertEqual(result.status, 1)
        self.assertEqual(
            result.stderr,
            f"Cannot export the record of backup 'b2' ({ids[1]}): Invalid backup: wrong driver.\n"
            '1 of 3 records were not exported.\n',
        )
        self.assertEqual(self.exported, [ids[0], ids[2]])
        self.assertIn('| exported | 2', result.stdout)

    def test_nothing_is_written_if_every_export_fails(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2)]
        for id_ in ids:
            self.cloud.refuse(f'GET /backups/{id_}/export_record', 400, 'No.')
        result = self.export()
        self.assertEqual((result.status, result.stdout), (1, ''))
        self.assertIn('None of 2 records was exported.', result.stderr)
        self.assertFalse(self.file.exists())

    def test_member_is_refused_once(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        for id_ in ids:
            self.cloud.refuse(f'GET /backups/{id_}/export_record', 403, FORBIDDEN)
        result = self.export()
        self.assertEqual(result.status, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn('your roles in this project do not allow it', result.stderr)
        self.assertEqual(len(self.cloud.exports), 1)

    def test_failure_for_a_moment_is_ridden_out(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2, 3)]
        for id_ in ids:
            self.cloud.refuse(f'GET /backups/{id_}/export_record', 503, 'Busy.')
        result = self.export()
        self.assertEqual(result.status, 0)
        self.assertEqual(result.stderr.count('Retrying until the cloud answers.'), 1)
        self.assertEqual(self.exported, ids)

    def test_time_limit_writes_nothing(self) -> None:
        ids = [self.cloud.keep(number) for number in (1, 2)]
        for _ in range(9):
            self.cloud.refuse(f'GET /backups/{ids[0]}/export_record', 503, 'Busy.')
        result = self.export('--all --timeout 5s')
        self.assertEqual((result.status, result.stdout), (3, ''))
        self.assertFalse(self.file.exists())

    def test_interruption_writes_nothing(self) -> None:
        self.cloud.keep(1)
        self.cloud.fail(
            'GET /backups/11111111-aaaa-4bbb-8ccc-000000000001/export_record', KeyboardInterrupt()
        )
        result = self.export()
        self.assertEqual((result.status, result.stdout), (130, ''))
        self.assertEqual(result.stderr, 'Interrupted. Nothing was written.\n')
        self.assertFalse(self.file.exists())

    def test_answer_without_a_record_is_a_failure(self) -> None:
        id_ = self.cloud.keep(1)
        other = {'backup_service': 'posix', 'backup_url': record(OTHER_ID).backup_url}
        self.cloud.on(f'GET /backups/{id_}/export_record', {'backup-record': other})
        result = self.export()
        self.assertEqual(result.status, 1)
        self.assertIn("Cannot export the record of backup 'b1'", result.stderr)
        self.assertFalse(self.file.exists())


class ScaleTest(RecordTest):
    def test_exports_run_in_parallel(self) -> None:
        # The first export is alone: it shows whether exports are allowed.
        for number in range(5):
            self.cloud.keep(number)
        together = threading.Barrier(4, timeout=20)
        export = Cloud._record  # noqa: SLF001

        def wait_for_others(cloud: Cloud, backup: Backup) -> Record:
            if self.cloud.exports:
                together.wait()
            return export(cloud, backup)

        self.at_once = 4
        with mock.patch.object(Cloud, '_record', wait_for_others):
            self.assertEqual(self.export().status, 0)
        self.assertEqual(len(self.exported), 5)

    def test_a_thousand_records_need_one_request_each_and_linear_memory(self) -> None:
        self.cloud.most = 3000
        peaks = []
        for first, last in ((0, 100), (100, 1000)):
            for number in range(first, last):
                self.cloud.keep(number)
            self.cloud.asked.clear()
            tracemalloc.start()
            self.assertEqual(self.export().status, 0)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            self.assertEqual(len(set(self.cloud.exports)), last)
            self.assertEqual(len(self.cloud.exports), last)
            self.assertEqual(len(self.exported), last)
        self.assertLess(peaks[1], 15 * peaks[0])
