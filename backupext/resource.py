# SPDX-License-Identifier: Apache-2.0
"""The SDK's Backup, the same on every SDK release from 0.101 on."""

from typing import Any

from keystoneauth1 import adapter
from openstack import exceptions, resource
from openstack.block_storage.v3 import backup as sdk_backup

from backupext.faults import reading_answer


class Backup(sdk_backup.Backup):
    """One backup and what can be done with it.

    It is used with a :class:`backupext.session.Session`, which decides the microversion.
    """

    # SDK releases before 4.5 have no update.
    allow_commit = True
    #: SDK 0.101 lacks it.
    encryption_key_id = resource.Body('encryption_key_id')
    #: The volume of a restore. SDK releases before 4.4 lack it.
    volume_name = resource.Body('volume_name')

    def restore(
        self, session: adapter.Adapter, volume_id: str | None = None, name: str | None = None
    ) -> 'Backup':
        """Restore into an existing volume, or into a new one, with or without a name of ours.

        Every SDK release refuses a restore with neither volume nor name, which Cinder allows, and
        those before 4.x keep nothing of the answer. ``volume_id`` and ``volume_name`` are then the
        volume's.
        """
        target = {'volume_id': volume_id, 'name': name}
        body = {'restore': {key: value for key, value in target.items() if value is not None}}
        response = session.post(f'{self.base_path}/{self.id}/restore', json=body)
        exceptions.raise_from_response(response)
        with reading_answer():
            answer = response.json()['restore']
            self._update(volume_id=answer['volume_id'], volume_name=answer['volume_name'])
        return self

    def force_delete(self, session: adapter.Adapter) -> None:
        """Delete whatever the status is. SDK releases send 3.64, which an older cloud refuses."""
        self._act(session, {'os-force_delete': None})

    def reset(self, session: adapter.Adapter, status: str) -> None:
        """Set the status in the database, with no regard to the data.

        SDK releases send 3.64, which an older cloud refuses; 4.22 has renamed it.
        """
        self._act(session, {'os-reset_status': {'status': status}})

    def export_record(self, session: adapter.Adapter) -> dict[str, object]:
        """Give what another cloud needs to import this backup; SDK releases name it differently."""
        response = session.get(f'{self.base_path}/{self.id}/export_record')
        exceptions.raise_from_response(response)
        with reading_answer():
            record: dict[str, object] = response.json()['backup-record']
        return record

    @classmethod
    def import_record(cls, session: adapter.Adapter, *, service: str, url: str) -> 'Backup':
        """Import a record; the backup is ``available``, or ``error``, a moment later.

        SDK 4.16 to 4.22 post it to the export's route; earlier ones have no import.
        """
        record = {'backup_service': service, 'backup_url': url}
        response = session.post(f'{cls.base_path}/import_record', json={'backup-record': record})
        exceptions.raise_from_response(response)
        with reading_answer():
            answer = response.json()['backup']
            imported: Backup = cls.existing(id=answer['id'], name=answer['name'])
        return imported

    def _act(self, session: adapter.Adapter, body: dict[str, Any]) -> None:
        response = session.post(f'{self.base_path}/{self.id}/action', json=body)
        exceptions.raise_from_response(response)
