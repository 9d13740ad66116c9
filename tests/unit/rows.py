# SPDX-License-Identifier: Apache-2.0
"""Backups, volumes and snapshots as Block Storage shows them."""

from typing import Any

ID = '11111111-aaaa-4bbb-8ccc-000000000001'
OTHER_ID = '11111111-aaaa-4bbb-8ccc-000000000002'
VOLUME_ID = '22222222-aaaa-4bbb-8ccc-000000000001'
OTHER_VOLUME_ID = '22222222-aaaa-4bbb-8ccc-000000000002'
SNAPSHOT_ID = '33333333-aaaa-4bbb-8ccc-000000000001'


def backup(id_: str = ID, **changes: Any) -> dict[str, Any]:
    """Return a backup as ``/backups/detail`` and ``/backups/{id}`` show it to a member at 3.71."""
    row: dict[str, Any] = {
        'id': id_,
        'name': 'nightly',
        'description': None,
        'status': 'available',
        'size': 1,
        'object_count': 2,
        'fail_reason': None,
        'container': 'backups',
        'availability_zone': 'nova',
        'volume_id': VOLUME_ID,
        'snapshot_id': None,
        'created_at': '2026-11-01T02:00:00.000000',
        'updated_at': '2026-11-01T02:00:09.000000',
        'data_timestamp': '2026-11-01T02:00:00.000000',
        'is_incremental': False,
        'has_dependent_backups': False,
        'metadata': {},
        'links': [],
    }
    return {**row, **changes}


def volume(id_: str = VOLUME_ID, **changes: Any) -> dict[str, Any]:
    """Return a volume as ``/volumes/detail`` and ``/volumes/{id}`` show it."""
    row = {
        'id': id_,
        'name': 'data',
        'status': 'available',
        'size': 1,
        'created_at': '2026-10-01T00:00:00.000000',
    }
    return {**row, **changes}


def snapshot(id_: str = SNAPSHOT_ID, **changes: Any) -> dict[str, Any]:
    """Return a snapshot as ``/snapshots/detail`` and ``/snapshots/{id}`` show it."""
    row = {
        'id': id_,
        'name': 'frozen',
        'status': 'available',
        'created_at': '2026-10-02T00:00:00.000000',
    }
    return {**row, **changes}
