# SPDX-License-Identifier: Apache-2.0
"""``record import --input-file``."""

import itertools
import json
import re
import tracemalloc
from typing import Any

from backupext.core.importing import NO_VOLUME
from backupext.core.records import render
from tests.unit.recording import RecordTest, document, record, url
from tests.unit.rows import ID, OTHER_ID
from tests.unit.shell import Result
from tests.unit.stub import OTHER_PROJECT, OWN_PROJECT

IMPORT = 'volume backup record import'
POST = 'POST /backups/import_record'
_NOTE = re.compile(
    r'^(\d+ records? of |Imported backups belong |Backup .*\): \w+$).*\n', re.MULTILINE
)
SHARED = 'Deleting an imported backup deletes its data, for every cloud that shares the storage.'


class ImportTest(RecordTest):
    """A test with the records of a cloud that has lost its database."""

    def lose(self, *lengths: int) -> list[list[str]]:
        """Create chains, export them, and lose the database; return their IDs."""
        chains = []
        first = 1
        for length in lengths:
            chains.append(self.keep_chain(length, first=first))
            first += length
        self.assertEqual(self.export().status, 0)
        self.cloud.lose_everything()
        self.cloud.asked.clear()
        return chains

    def import_(self, options: str = '') -> Result:
        """Import the file; show only warnings and failures, without notes and progress."""
        result = self.import_noisily(options)
        return result._replace(stderr=_NOTE.sub('', result.stderr))

    def import_noisily(self, options: str = '') -> Result:
        return self.openstack(f'{IMPORT} --input-file {self.file} {options}')

    def statuses(self, ids: list[str]) -> list[str]:
        return [self.cloud.row(id_)['status'] for id_ in ids]

    def rows(self, result: Result) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(result.stdout)
        return rows

    def leave_failed(self, id_: str, **changes: Any) -> None:
        """Leave the row of an import that failed."""
        self.cloud.keep(int(id_[-12:]), volume_id=NO_VOLUME, **{'container': None, **changes})
        self.cloud.change(id_, status='error', name=None, object_count=0)


class UsageTest(RecordTest):
    def test_record_or_file_is_required(self) -> None:
        for arguments in ('', 'posix', '--dry-run', '--wait'):
            with self.subTest(arguments):
                self.assert_fails(
                    f'{IMPORT} {arguments}',
                    'Give <backup_service> and <backup_metadata>, or use --input-file.',
                    status=2,
                )

    def test_record_and_file_exclude_each_other(self) -> None:
        self.assert_fails(
            f'{IMPORT} posix eyJ9 --input-file x',
            'Give a record or --input-file, not both.',
            status=2,
        )

    def test_options_for_files_require_a_file(self) -> None:
        for option in ('--dry-run', '--property a=b'):
            with self.subTest(option):
                self.assert_fails(
                    f'{IMPORT} posix eyJ9 {option}',
                    f'{option.split()[0]} requires --input-file.',
                    status=2,
                )

    def test_timeout_of_a_record_requires_wait(self) -> None:
        self.assert_fails(f'{IMPORT} posix eyJ9 --timeout 5s', '--timeout requires --wait.', 2)

    def test_shell_format_cannot_print_rows(self) -> None:
        self.assert_fails(
            f'{IMPORT} --input-file x -f shell',
            '-f shell cannot print several rows: use json, yaml or value.',
            status=2,
        )

    def test_options_may_stand_between_the_arguments_of_a_record(self) -> None:
        id_ = self.cloud.keep(1)
        text = record(id_).backup_url
        self.cloud.lose_everything()
        result = self.openstack(f'{IMPORT} posix -f value -c id {text}')
        self.assertEqual(result.stdout, f'{id_}\n')


class FileTest(ImportTest):
    """Files are checked before the first request."""

    def assert_refused(self, why: str, paths: str = '') -> None:
        self.assert_fails(
            f'{IMPORT} --input-file {paths or self.file}', f'Nothing was imported: {why}.'
        )
        self.assert_asked()

    def test_missing_file_is_refused(self) -> None:
        self.assert_refused(f"there is no file '{self.file}'")

    def test_invalid_file_is_refused(self) -> None:
        whole = render(document(record()))
        for text, why in (
            ('', 'it is empty'),
            (whole[:-9], 'it is cut off or damaged'),
            (
                whole.replace('posix', 'p0six'),
                f'it was changed after the export, in the record of backup {ID}',
            ),
            (
                '{"backup_service": "posix", "backup_url": "eyJ9"}',
                'it is not a file that record export has written with --output-file',
            ),
            (
                whole.replace('"version": 1', '"version": 7'),
                'a newer release of the plugin wrote it (format 7; this release reads up to 1)',
            ),
        ):
            with self.subTest(why):
                self.file.write_text(text, 'utf-8')
                self.assert_refused(f"'{self.file}' cannot be used: {why}")

    def test_file_that_is_not_text_is_refused(self) -> None:
        self.file.write_bytes(bytes(range(256)))
        self.assert_refused(
            f"'{self.file}' cannot be used: it is not a file that record export has written with "
            '--output-file'
        )

    def test_one_invalid_file_of_several_prevents_the_import(self) -> None:
        self.file.write_text(render(document(record())), 'utf-8')
        other = self.folder / 'other'
        other.write_text('{}', 'utf-8')
        self.assert_refused(
            f"'{other}' cannot be used: it is not a file that record export has written with "
            '--output-file',
            f'{self.file} {other}',
        )

    def test_files_that_contradict_each_other_are_refused(self) -> None:
        other = self.folder / 'other'
        self.file.write_text(render(document(record(ID, OTHER_ID))), 'utf-8')
        other.write_text(render(document(record(OTHER_ID, ID))), 'utf-8')
        self.assert_refused(
            'the files cannot be used together: two of its backups build on each other',
            f'{self.file} {other}',
        )


class PlanTest(ImportTest):
    def test_dry_run_lists_what_a_real_run_does(self) -> None:
        ((full, child),) = self.lose(2)
        planned = self.import_('--dry-run -f json')
        self.assertEqual((planned.status, planned.stderr), (0, f'{SHARED}\n'))
        self.assertEqual(
            [(row['Decision'], row['ID'], row['Parent']) for row in self.rows(planned)],
            [('import', full, None), ('import', child, full)],
        )
        self.assertEqual(self.cloud.imports, [])
        self.assertEqual(self.import_('-f json').stdout, planned.stdout)
        self.assertEqual(self.cloud.imports, [full, child])

    def test_table_value_and_columns_have_a_row_for_each_record(self) -> None:
        ((full, child),) = self.lose(2)
        self.assertEqual(
            self.import_('--dry-run -f value -c ID -c Reason').stdout,
            f'{full} not in the cloud\n{child} not in the cloud\n',
        )
        self.assertEqual(len(self.import_('--dry-run').stdout.splitlines()), 6)
        self.assertIn('Decision: import', self.import_('--dry-run -f yaml').stdout)

    def test_origin_and_owner_are_named(self) -> None:
        self.lose(2)
        self.assertEqual(
            self.import_noisily('--dry-run').stderr,
            f"2 records of project 'own' ({OWN_PROJECT}), exported at 2026-11-25T02:00:00Z\n"
            f"Imported backups belong to project 'own' ({OWN_PROJECT}).\n"
            f'{SHARED}\n',
        )

    def test_existing_backups_are_skipped(self) -> None:
        ((full, child),) = self.lose(2)
        self.cloud.keep(1)
        result = self.import_('-f json')
        self.assertEqual(result.status, 0)
        self.assertEqual([row['Decision'] for row in self.rows(result)], ['skip', 'import'])
        self.assertEqual(self.cloud.imports, [child])
        self.assertEqual(self.cloud.row(full)['status'], 'available')

    def test_complete_cloud_needs_one_list(self) -> None:
        self.keep_chain(3)
        self.export()
        self.cloud.asked.clear()
        self.assertEqual(self.import_().status, 0)
        self.assert_asked('GET /backups/detail')

    def test_missing_parents_are_named(self) -> None:
        _, child = self.keep_chain(2)
        self.export(child)
        self.cloud.lose_everything()
        result = self.import_('--wait')
        self.assertEqual(result.status, 0)
        self.assertEqual(
            result.stderr,
            f'{SHARED}\nWhat these backups build on is neither in the files nor in the cloud: '
            f"'b2' ({child}). Without it, they cannot be restored on most storage.\n",
        )
        self.assertEqual(self.statuses([child]), ['available'])

    def test_several_files_are_merged(self) -> None:
        full, child = self.keep_chain(2)
        other = self.folder / 'other.json'
        self.export(child)
        self.openstack(f'volume backup record export {full} --output-file {other}')
        self.cloud.lose_everything()
        self.assertEqual(self.import_(f'{other} {self.file}').status, 0)
        self.assertEqual(self.cloud.imports, [full, child])


class QuotaTest(ImportTest):
    def test_sum_over_the_quota_is_refused_before_the_first_import(self) -> None:
        self.lose(3)
        self.cloud.quota = {'maxTotalBackups': 5, 'totalBackupsUsed': 3}
        result = self.import_()
        self.assertEqual(result.status, 1)
        self.assertEqual(
            result.stderr,
            f'{SHARED}\nNothing was imported: the quota allows 5 backups; 3 exist, and 3 more are '
            'needed. Ask for a larger quota.\n',
        )
        self.assertEqual(self.cloud.imports, [])

    def test_dry_run_says_that_the_quota_is_too_small(self) -> None:
        self.lose(3)
        self.cloud.quota = {'maxTotalBackupGigabytes': 2}
        result = self.import_('--dry-run')
        self.assertEqual(result.status, 0)
        self.assertIn(
            'The import would be refused: the quota allows 2 GiB of backups; 0 GiB exist, and 3 '
            'GiB more are needed.',
            result.stderr,
        )

    def test_existing_backups_need_no_quota(self) -> None:
        self.lose(2)
        self.cloud.keep(1)
        self.cloud.quota = {'maxTotalBackups': 2, 'totalBackupsUsed': 1}
        self.assertEqual(self.import_().status, 0)


class OrderTest(ImportTest):
    def test_child_is_imported_when_its_parent_is_available(self) -> None:
        (chain, other) = self.lose(3, 2)
        result = self.import_('--wait')
        self.assertEqual((result.status, result.stderr), (0, f'{SHARED}\n'))
        self.assertEqual(self.statuses(chain + other), ['available'] * 5)
        for ids in (chain, other):
            for parent, child in itertools.pairwise(ids):
                self.assertLess(self.cloud.imports.index(parent), self.cloud.imports.index(child))
        # Both chains at once: the second full one does not wait for the first chain.
        self.assertEqual(self.cloud.imports[:2], [chain[0], other[0]])

    def test_without_wait_the_last_backups_of_chains_are_not_awaited(self) -> None:
        (chain,) = self.lose(3)
        self.assertEqual(self.import_().status, 0)
        self.assertEqual(self.statuses(chain), ['available', 'available', 'creating'])

    def test_progress_shows_each_status(self) -> None:
        ((only,),) = self.lose(1)
        progress = self.import_noisily('--wait').stderr.splitlines()[3:]
        name = f"Backup 'b1' ({only})"
        self.assertEqual(progress, [f'{name}: creating', f'{name}: available'])

    def test_timeout_names_what_is_not_imported(self) -> None:
        (chain,) = self.lose(2)
        self.use_slow(60)
        result = self.import_('--timeout 10s')
        self.assertEqual(result.status, 3)
        self.assertIn(
            'Timed out after 10s; nothing was cancelled. The cloud may still be working on backup '
            f"'b1' ({chain[0]})",
            result.stderr,
        )
        self.assertIn(f"Not started: 'b2' ({chain[1]})", result.stderr)

    def use_slow(self, seconds: float) -> None:
        self.cloud._imports_in = seconds  # noqa: SLF001

    def test_interrupted_import_continues_when_run_again(self) -> None:
        (chain,) = self.lose(3)
        self.clock.interrupt_at(1)
        self.assertEqual(self.import_('--wait').status, 130)
        self.assertEqual(self.statuses(chain[:1]), ['creating'])
        self.clock.during = None
        result = self.import_('--wait -f json')
        self.assertEqual(result.status, 0)
        self.assertEqual(
            [row['Decision'] for row in self.rows(result)], ['wait', 'import', 'import']
        )
        self.assertEqual(self.cloud.imports, chain)
        self.assertEqual(self.statuses(chain), ['available'] * 3)


class FailureTest(ImportTest):
    def test_others_are_imported_after_a_failure(self) -> None:
        (chain, other) = self.lose(3, 2)
        self.cloud.broken = {chain[0]: 'wrong driver'}
        result = self.import_('--wait')
        self.assertEqual(result.status, 4)
        self.assertEqual(
            result.stderr,
            f'{SHARED}\n'
            f"Backup 'b1' ({chain[0]}) is in status error (the server said: wrong driver).\n"
            f"Backup 'b2' ({chain[1]}) was not imported: it builds on {chain[0]}, which could not "
            'be imported.\n'
            f"Backup 'b3' ({chain[2]}) was not imported: it builds on {chain[1]}, which could not "
            'be imported.\n'
            '3 of 5 backups were not imported.\n',
        )
        self.assertEqual(self.statuses(other), ['available'] * 2)
        self.assertEqual(self.cloud.imports, [chain[0], *other])

    def test_status_is_1_if_every_import_fails(self) -> None:
        chains = self.lose(1, 1)
        self.cloud.broken = {id_: 'wrong driver' for (id_,) in chains}
        self.assertEqual(self.import_('--wait').status, 1)

    def test_failed_import_is_replaced(self) -> None:
        (chain,) = self.lose(2)
        self.cloud.broken = {chain[0]: 'wrong driver'}
        self.import_()
        self.cloud.broken = {}
        result = self.import_('--wait -f json')
        self.assertEqual((result.status, result.stderr), (0, f'{SHARED}\n'))
        self.assertEqual([row['Decision'] for row in self.rows(result)], ['replace', 'import'])
        self.assertEqual(self.cloud.deletions, [chain[0]])
        self.assertEqual(self.statuses(chain), ['available'] * 2)

    def test_failed_import_that_has_data_is_not_deleted(self) -> None:
        ((only,),) = self.lose(1)
        self.leave_failed(only, container='backups')
        result = self.import_('-f json')
        self.assertEqual(result.status, 1)
        self.assertEqual([row['Decision'] for row in self.rows(result)], ['refuse'])
        self.assertEqual(
            result.stderr,
            f"{SHARED}\nBackup 'b1' ({only}) was not imported: an earlier import failed, and to "
            'delete its row would delete the data. Ask the operator of the cloud to mark the row '
            'as deleted in the database.\n',
        )
        self.assertEqual(self.cloud.deletions, [])

    def test_failed_import_that_has_changed_since_the_plan_is_kept(self) -> None:
        ((only,),) = self.lose(1)
        self.leave_failed(only)
        self.cloud.after_page = lambda: self.cloud.change(only, status='available')
        result = self.import_()
        self.assertEqual(result.status, 1)
        self.assertIn(
            f"Backup 'b1' ({only}) was not imported: the cloud has it now, in status available.",
            result.stderr,
        )
        self.assertEqual(self.cloud.deletions, [])

    def test_deletion_whose_answer_is_lost_continues(self) -> None:
        ((only,),) = self.lose(1)
        self.leave_failed(only)
        self.cloud.lose(f'DELETE /backups/{only}')
        self.assertEqual(self.import_('--wait').status, 0)
        self.assertEqual(self.statuses([only]), ['available'])

    def test_existing_backup_in_error_is_reported(self) -> None:
        ((one,), (other,)) = self.lose(1, 1)
        self.cloud.keep(1, status='error')
        result = self.import_('--wait')
        self.assertEqual(result.status, 4)
        self.assertIn(
            f"Backup 'b1' ({one}) was not imported: it exists in status error.", result.stderr
        )
        self.assertEqual(self.cloud.deletions, [])
        self.assertEqual(self.statuses([other]), ['available'])

    def test_backup_of_another_project_is_reported(self) -> None:
        ((only,),) = self.lose(1)
        self.cloud.keep(1, project=OTHER_PROJECT)
        result = self.import_()
        self.assertEqual(result.status, 1)
        self.assertIn(
            f"Backup 'b1' ({only}) was not imported: another project of this cloud has it, "
            f'{OTHER_PROJECT}.',
            result.stderr,
        )

    def test_refused_record_is_named(self) -> None:
        ((only,),) = self.lose(1)
        self.cloud.refuse(POST, 400, 'Invalid input received: no.')
        result = self.import_()
        self.assertEqual(result.status, 1)
        self.assertIn(
            f"Backup 'b1' ({only}) was not imported. Cannot import the record: Invalid input "
            'received: no.',
            result.stderr,
        )

    def test_what_prevents_every_import_is_reported_once(self) -> None:
        for status, message, words in (
            (403, 'Policy forbids it.', 'your roles in this project do not allow it'),
            (503, 'Service cinder-backup could not be found.', 'no backup service is running'),
        ):
            with self.subTest(status):
                self.use_records()
                self.lose(1, 1, 1)
                self.cloud.refuse(POST, status, message)
                result = self.import_()
                self.assertEqual(result.status, 1)
                self.assertEqual(len(result.stderr.splitlines()), 2)
                self.assertIn(words, result.stderr)
                # The others were in flight already.
                self.assertLessEqual(self.cloud.lines.count(POST), 3)

    def test_lost_answer_does_not_import_twice(self) -> None:
        ((only,),) = self.lose(1)
        self.cloud.lose(POST)
        result = self.import_('--wait')
        self.assertEqual(result.status, 0)
        self.assertEqual(self.cloud.imports, [only])
        self.assertEqual(self.cloud.lines.count(POST), 2)

    def test_two_imports_at_once_do_no_harm(self) -> None:
        ((only,),) = self.lose(1)

        def somebody_imports() -> None:
            self.cloud.after_page = lambda: None
            self.cloud._import({'backup_url': url({**self.fields, 'id': only})})  # noqa: SLF001

        self.fields = json.loads(render(self.read()))['records'][0]
        self.cloud.after_page = somebody_imports
        self.assertEqual(self.import_('--wait').status, 0)
        self.assertEqual(self.cloud.imports, [only])


class PropertyTest(ImportTest):
    def test_property_is_added_to_those_of_the_record(self) -> None:
        only = self.cloud.keep(1, metadata={'job': 'a', 'from': 'A'})
        self.export()
        self.cloud.lose_everything()
        result = self.import_('--property from=B --property imported=yes')
        self.assertEqual(result.status, 0)
        self.assertEqual(
            self.cloud.row(only)['metadata'], {'job': 'a', 'from': 'B', 'imported': 'yes'}
        )
        self.assertEqual(self.statuses([only]), ['available'])

    def test_property_requires_a_microversion(self) -> None:
        self.use_records(maximum='3.42')
        self.lose(1)
        result = self.import_('--property a=b')
        self.assertEqual(result.status, 1)
        self.assertIn('--property requires Block Storage 3.43', result.stderr)
        self.assertEqual(self.cloud.imports, [])


class OneRecordTest(ImportTest):
    def test_wait_shows_the_name_that_the_record_has(self) -> None:
        only = self.cloud.keep(1)
        self.export()
        (text,) = (each.backup_url for each in self.read().records)
        self.cloud.lose_everything()
        result = self.openstack(f'-q {IMPORT} posix {text} --wait -f json')
        self.assertEqual(json.loads(result.stdout), {'id': only, 'name': 'b1'})

    def test_wait_reports_a_failed_import(self) -> None:
        only = self.cloud.keep(1)
        self.export()
        (text,) = (each.backup_url for each in self.read().records)
        self.cloud.lose_everything()
        self.cloud.broken = {only: 'wrong driver'}
        self.assert_fails(
            f'-q {IMPORT} posix {text} --wait',
            f'Backup {only} is in status error (the server said: wrong driver).',
        )


class ScaleTest(ImportTest):
    def test_a_thousand_records_need_one_request_each_and_linear_memory(self) -> None:
        self.cloud.most = 3000
        peaks = []
        for count in (100, 1000):
            records = [record(f'{ID[:-4]}{number:04}') for number in range(count)]
            self.file.write_text(render(document(*records)), 'utf-8')
            self.cloud.lose_everything()
            self.cloud.asked.clear()
            tracemalloc.start()
            self.assertEqual(self.import_('--wait').status, 0)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            self.assertEqual(self.cloud.lines.count(POST), count)
            # All run at once: a few looks at the list are enough for all.
            self.assertLess(len(self.cloud.lines), count + 20)
        self.assertLess(peaks[1], 15 * peaks[0])
