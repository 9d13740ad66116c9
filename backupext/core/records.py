# SPDX-License-Identifier: Apache-2.0
"""Exported records: base64 of a JSON object, as Cinder writes it."""

import base64
import json

from backupext.core.models import is_id


def backup_id(record: str) -> str | None:
    """Return the ID of the backup in a record; None if there is none."""
    try:
        fields = json.loads(base64.b64decode(record))
    except ValueError:
        return None
    id_ = fields.get('id') if isinstance(fields, dict) else None
    return id_ if isinstance(id_, str) and is_id(id_) else None
