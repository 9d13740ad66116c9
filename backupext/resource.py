# SPDX-License-Identifier: Apache-2.0
"""The SDK's Backup, the same on every SDK release from 0.101 on."""

from typing import Any

from keystoneauth1 import adapter
from openstack import exceptions, resource
from openstack.block_storage.v3 import backup as sdk_backup

from backupext.faults import reading_answer


class Backup(sdk_backup.Backup):
    """One backup, and the requests for it.

    Use it with a :class:`backupext.session.Session`, which decides the microversion.
    """

    # SDK releases before 4.5 have no update.
    allow_commit = True
    #: SDK 0.101 does not have it.
    encryption_key_id = resource.Body('encryption_key_id')
    #: The name of the volume in the answer to a restore. SDK releases before 4.4 do not have it.
    volume_name = resource.Body('volume_name')

    def restore(
        self, session: adapter.Adapter, volume_id: str | None = None, name: str | None = None
    ) -> 'Backup':
        """Restore to an existing volume, or to a new one, with or without a name.

        Cinder allows a restore with neither volume nor name. Every SDK release refuses it, and
        those before 4.x ignore the answer. Afterwards ``volume_id`` and ``volume_name`` are those
        of the volume.
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
        """Delete in any status. SDK releases send 3.64, which an older cloud refuses."""
        self._act(session, {'os-force_delete': None})

    def reset(self, session: adapter.Adapter, status: str) -> None:
        """Set the status in the database; the data is not checked.

        SDK releases send 3.64, which an older cloud refuses; 4.22 renamed the method.
        """
        self._act(session, {'os-reset_status': {'status': status}})

    def export_record(self, session: adapter.Adapter) -> dict[str, object]:
        """Return the record with which another cloud imports this backup.

        The method has different names in different SDK releases.
        """
        response = session.get(f'{self.base_path}/{self.id}/export_record')
        exceptions.raise_from_response(response)
        with reading_answer():
            record: dict[str, object] = response.json()['backup-record']
        return record

    @classmethod
    def import_record(cls, session: adapter.Adapter, *, service: str, url: str) -> 'Backup':
        """Import a record; the backup turns ``available`` or ``error`` a moment later.

        SDK 4.16 to 4.22 post to the path of the export; earlier ones have no import.
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
