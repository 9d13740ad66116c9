# SPDX-License-Identifier: Apache-2.0
"""Records in files: the loss of a cloud's database, and imports that fail or are killed."""

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.functional.base import FunctionalTest, Project, make_project
from tests.functional.client import Result
from tests.sandbox import Sandbox

_IMPORT = 'volume backup record import'
# The size of a volume's file in the sandbox, and of the blocks of an incremental backup.
_FILE, _BLOCK = 8 * 2**20, 32768


class RecordsTest(FunctionalTest):
    """A test with a folder for files of records."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / 'records.json'

    def make_chain(self, length: int) -> tuple[str, list[str]]:
        """Return a volume and a chain of its backups, one a day; each has its number as text."""
        volume, chain = self.make_volume(), []
        for number in range(length):
            self.make_older(volume)
            self.write_volume(volume, str(number))
            name = self.unique('b')
            chain.append(self.make_backup(volume, incremental=number > 0, name=name))
        return volume, chain

    def export(self, what: str = '--all') -> dict[str, Any]:
        """Export to the file, and return what the command says."""
        command = f'record export {what} --output-file {self.file} -f json'
        said: dict[str, Any] = json.loads(self.backup(command, self.admin_here))
        return said

    def import_(self, options: str = '', *, status: int = 0) -> Result:
        """Import the file as an administrator of the project."""
        result = self.run_openstack(
            f'{_IMPORT} --input-file {self.file} -f json {options}', self.admin_here
        )
        self.assertEqual(result.status, status, result.stderr)
        return result

    def decisions(self, result: Result) -> list[str]:
        return [row['Decision'] for row in json.loads(result.stdout)]

    def forget(self, *backups: str) -> None:
        """Remove backups from the database as if it was lost; their data is still in the store."""
        for backup in backups:
            self.sql('DELETE FROM backup_metadata WHERE backup_id = ?', backup)
            self.sql('DELETE FROM backups WHERE id = ?', backup)

    def statuses(self, backups: list[str]) -> list[str]:
        return [self.status('backup', backup) for backup in backups]

    def parents(self) -> dict[str, str | None]:
        """Return the real parent of each backup, from the database."""
        statement = 'SELECT id, parent_id FROM backups WHERE project_id = ? AND NOT deleted'
        return dict(self.sql(statement, self.project.id))

    def restore(self, backup: str) -> str:
        """Restore to a new volume, and return the volume's ID."""
        command = f'restore {backup} --name {self.unique("new")} --wait -f json'
        return str(json.loads(self.backup(command))['volume_id'])


class Kept(NamedTuple):
    """What a project of a lost cloud had: its records, and the truth about its backups."""

    file: Path
    content: dict[str, bytes]
    parents: dict[str, str | None]
    properties: dict[str, Any]


class DrillTest(RecordsTest):
    """Two projects lose their cloud, and go on in another one on the same store."""

    @classmethod
    def setUpClass(cls) -> None:
        """Use clouds of its own."""

    def start(self, store: Path) -> Sandbox:
        box = Sandbox.start(store=str(store))
        self.addCleanup(box.stop)
        self.box = box
        return box

    def enter(self, project: Project) -> None:
        self.project = project
        self.file = self.folder / f'{project.name}.json'

    def fill(self) -> Kept:
        """Create chains, export them, and return what they contain."""
        content = {}
        for length in (3, 1, 2):
            volume, made = self.make_volume(), os.urandom(_FILE)
            for number in range(length):
                self.make_older(volume)
                made = made[: _FILE - _BLOCK * number] + os.urandom(_BLOCK * number)
                self.box.volume_file(volume).write_bytes(made)
                properties = {'number': str(number)}
                backup = self.make_backup(volume, incremental=number > 0, metadata=properties)
                content[backup] = made
        said = self.export()
        self.assertEqual((said['records'], said['exported']), (6, 6))
        return Kept(self.file, content, self.parents(), self.properties())

    def properties(self) -> dict[str, Any]:
        shown = json.loads(self.backup('list --long -f json'))
        return {row['ID']: (row['Name'], row['Volume'], row['Properties']) for row in shown}

    def assert_restorable(self, kept: Kept) -> None:
        for backup in self.parents():
            restored = self.box.volume_file(self.make_restored(backup)).read_bytes()
            # Not assertEqual: it would print 8 MiB.
            self.assertTrue(restored == kept.content[backup], backup)

    def test_backups_survive_the_loss_of_the_database(self) -> None:
        store = self.folder / 'store'
        store.mkdir()
        kept = []
        lost = self.start(store)
        for project in (make_project(lost), make_project(lost)):
            self.enter(project)
            kept.append(self.fill())
        lost.stop()

        new = self.start(store)
        for each in kept:
            self.enter(make_project(new))
            self.file = each.file
            self.assertEqual(self.parents(), {})
            self.import_('--wait')
            self.assertEqual(self.parents(), each.parents)
            self.assertEqual(self.properties(), each.properties)
            self.assert_restorable(each)
            self.assert_goes_on(each)

    def assert_goes_on(self, kept: Kept) -> None:
        """Expect that other commands work with the imported chains."""
        self.assertEqual(set(self.decisions(self.import_('--wait'))), {'skip'})
        exact = json.loads(self.backup('tree --exact -f json', self.admin_here))
        self.assertEqual({row['ID']: row['Parent'] for row in exact}, kept.parents)
        for row in json.loads(self.backup('tree -f json')):
            if row['Certain']:
                self.assertEqual(row['Parent'], kept.parents[row['ID']])

        # All of a chain is needed: one backup of a volume keeps it.
        self.backup('prune --all-volumes --keep-last 1 --auto-approve')
        self.assertEqual(self.parents(), kept.parents)
        # The new project needs a new file, and its exports go on.
        self.file = self.folder / f'{self.project.name}.json'
        self.assertEqual(self.export('--all --update')['exported'], len(kept.parents))
        leaves = [id_ for id_, parent in kept.parents.items() if parent]
        newest = [id_ for id_ in leaves if id_ not in kept.parents.values()]
        self.backup(f'delete --wait {" ".join(newest)}')
        self.assertEqual(set(self.parents()), set(kept.parents) - set(newest))
        self.assert_restorable(kept)
        self.assertEqual(self.export('--all --update')['removed'], len(newest))


class ContinuationTest(RecordsTest):
    """Jobs go on with imported chains if the volumes still exist."""

    def test_new_backup_builds_on_an_imported_chain(self) -> None:
        volume, chain = self.make_chain(3)
        self.export()
        self.forget(*chain)
        self.import_('--wait')
        self.make_older(volume)
        self.write_volume(volume, 'next')
        new = self.backup(f'create {volume} --incremental --wait -f value -c id')
        self.assertEqual(self.parents()[new], chain[-1])
        for backup, text in zip([*chain, new], ['0', '1', '2', 'next'], strict=True):
            self.assertEqual(self.read_volume(self.restore(backup)), text)
        self.assertEqual(self.export('--all --update')['exported'], 1)

    def test_rotation_builds_on_an_imported_chain(self) -> None:
        volume = self.make_volume()
        chain = [self.rotate(volume, text) for text in '01']
        self.export()
        self.forget(*chain)
        self.import_('--wait')
        new = self.rotate(volume, 'next')
        self.assertEqual(self.parents()[new], chain[-1])
        for backup, text in zip([*chain, new], ['0', '1', 'next'], strict=True):
            self.assertEqual(self.read_volume(self.restore(backup)), text)

    def rotate(self, volume: str, text: str) -> str:
        """Write to a volume and rotate it; return the ID of the new backup."""
        self.make_older(volume)
        self.write_volume(volume, text)
        (row,) = json.loads(self.backup(f'rotate {volume} --full-every 9999d -f json'))
        return str(row['Backup'])

    def test_prune_leaves_whole_chains(self) -> None:
        volume, old = self.make_chain(3)
        self.make_older(volume)
        new = self.make_backup(volume)
        self.export()
        self.forget(*old, new)
        self.import_('--wait')
        self.backup(f'prune --volume {volume} --keep-last 1 --auto-approve')
        self.assertEqual(set(self.parents()) & {*old, new}, {new})


class ChoiceTest(RecordsTest):
    def test_chain_of_one_backup_is_exported_with_its_ancestors_only(self) -> None:
        _, chain = self.make_chain(3)
        self.make_backup(self.make_volume())
        said = self.export(f'{chain[1]} --chain')
        self.assertEqual(said['records'], 2)
        self.forget(*chain)
        rows = json.loads(self.import_('--wait').stdout)
        self.assertEqual([row['ID'] for row in rows], chain[:2])
        self.assertEqual([row['Parent'] for row in rows], [None, chain[0]])

    def test_member_cannot_export(self) -> None:
        backup = self.make_backup(self.make_volume())
        sentence = self.fails(f'volume backup record export {backup} --output-file {self.file}')
        self.assert_has(sentence, backup, 'your roles')
        self.assertFalse(self.file.exists())

    def test_changed_properties_are_exported_again(self) -> None:
        volume, chain = self.make_chain(2)
        self.export(f'--volume {volume}')
        self.backup(f'set {chain[0]} --property protected=true')
        said = self.export(f'--volume {volume} --update')
        self.assertEqual((said['exported'], said['kept']), (1, 1))
        self.forget(*chain)
        self.import_('--wait --property from=A')
        shown = json.loads(self.backup(f'show {chain[0]} -f json'))
        self.assertEqual(shown['metadata'], {'protected': 'true', 'from': 'A'})

    def test_update_keeps_the_file_if_the_database_is_lost(self) -> None:
        _, chain = self.make_chain(2)
        self.export()
        before = self.file.read_bytes()
        others = [id_ for id_ in self.parents() if id_ not in chain]
        self.forget(*chain, *others)
        sentence = self.fails(
            f'volume backup record export --all --update --output-file {self.file}',
            self.admin_here,
        )
        self.assertIn('lost its database', sentence)
        self.assertEqual(self.file.read_bytes(), before)


class FailureTest(RecordsTest):
    def make_lost(self, length: int) -> list[str]:
        """Return a chain that is in the file and in the store, but not in the database."""
        volume, chain = self.make_chain(length)
        self.export(f'--volume {volume}')
        self.forget(*chain)
        return chain

    def fail_import(self, backup: str) -> None:
        """Import a record as that of a driver that the cloud does not have."""
        (record,) = (
            each
            for each in json.loads(self.file.read_text('utf-8'))['records']
            if each['id'] == backup
        )
        result = self.run_openstack(
            [*_IMPORT.split(), '--wait', 'no.such.driver', record['backup_url']], self.admin_here
        )
        self.assertEqual(result.status, 1)
        self.assertIn('cannot find backup service', result.stderr)

    def test_failed_import_is_replaced(self) -> None:
        chain = self.make_lost(2)
        self.fail_import(chain[0])
        self.assertEqual(self.decisions(self.import_('--wait')), ['replace', 'import'])
        self.assertEqual(self.read_volume(self.restore(chain[1])), '1')

    def test_failed_import_of_a_known_backup_keeps_the_data(self) -> None:
        # Cinder uses the row of a deleted backup again, and the row knows where the data is.
        volume, (backup,) = self.make_chain(1)
        self.export(f'--volume {volume}')
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)
        self.fail_import(backup)
        result = self.import_('--wait', status=1)
        self.assertEqual(self.decisions(result), ['refuse'])
        self.assert_has(result.stderr, backup, 'would delete the data')
        # What the message asks the operator for.
        self.sql("UPDATE backups SET deleted = 1, status = 'deleted' WHERE id = ?", backup)
        self.import_('--wait')
        self.assertEqual(self.read_volume(self.restore(backup)), '0')

    def test_quota_is_checked_before_the_first_import(self) -> None:
        chain = self.make_lost(2)
        path = f'/os-quota-sets/{self.project.id}'
        self.project.admin.block_storage('PUT', path, {'quota_set': {'backups': 1}})
        self.addCleanup(
            self.project.admin.block_storage, 'PUT', path, {'quota_set': {'backups': -1}}
        )
        self.assertIn('the quota allows 1 backups', self.import_(status=1).stderr)
        self.assertEqual(self.statuses(chain), ['deleted'] * 2)

    def test_other_records_are_imported_after_a_failure(self) -> None:
        chain, other = self.make_lost(2), self.make_backup(self.make_volume())
        path = self.file
        self.file = self.folder / 'other.json'
        self.export(other)
        self.forget(other)
        # A document of another program: the import of its first record fails.
        self.break_record(path, chain[0])
        result = self.import_(f'--input-file {path} --wait', status=4)
        self.assert_has(result.stderr, chain[0], chain[1], '2 of 3 backups were not imported.')
        self.assertEqual(self.statuses([*chain, other]), ['error', 'deleted', 'available'])

    def break_record(self, path: Path, backup: str) -> None:
        """Remove a field that Cinder needs from a record, and correct the checksums."""
        from backupext.core import records  # noqa: PLC0415

        document = records.parse(path.read_text('utf-8'))
        changed = []
        for each in document.records:
            fields = json.loads(base64.b64decode(each.backup_url))
            if each.id == backup:
                del fields['service_metadata']
            text = base64.b64encode(json.dumps(fields).encode()).decode()
            changed.append(each._replace(backup_url=text))
        path.write_text(records.render(document._replace(records=tuple(changed))), 'utf-8')

    def test_killed_import_continues_when_run_again(self) -> None:
        chain = self.make_lost(5)
        command = Path(sys.executable).with_name('openstack')
        process = subprocess.Popen(
            [command, *_IMPORT.split(), '--input-file', self.file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', **self.admin_here},
        )
        self.wait_until(lambda: self.status('backup', chain[1]), 'available')
        process.kill()
        process.wait()
        there = [status != 'deleted' for status in self.statuses(chain)]
        self.assertFalse(all(there))
        # No child without its parent.
        self.assertTrue(all(parent or not child for parent, child in itertools.pairwise(there)))
        self.import_('--wait')
        self.assertEqual(self.statuses(chain), ['available'] * 5)
        self.assertEqual(self.read_volume(self.restore(chain[-1])), '4')
