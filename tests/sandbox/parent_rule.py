# SPDX-License-Identifier: Apache-2.0
"""How Cinder 21 chooses the parent of an incremental backup."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from cinder import exception, objects
from cinder.backup import api
from cinder.objects import fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AVAILABLE = fields.BackupStatus.AVAILABLE
REFUSAL = 'The parent backup must be available for incremental backup.'


def follow_cinder_21() -> None:
    """Choose the backup with the latest data in any status; refuse it if it is not available."""
    # Cinder chooses the parent with max, and this module of Cinder uses max for nothing else.
    api.max = _latest_in_any_status
    api.API.create = _with_the_refusal_of_cinder_21(api.API.create)


def _latest_in_any_status(backups: Iterable[Any], key: Callable[[Any], Any]) -> Any:
    """Return the backup with the latest data.

    The key ranks backups that are not available below all others, so it must not see their status.
    """

    def key_if_available(backup: Any) -> Any:
        return key({'status': AVAILABLE, 'data_timestamp': backup.data_timestamp})

    return max(backups, key=key_if_available)


def _with_the_refusal_of_cinder_21(create: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a parent that is not available in the words of Cinder 21.

    Where there is no backup at all, the words are the same in both releases.
    """

    @functools.wraps(create)
    def create_or_refuse(
        self: Any,
        context: Any,
        name: Any,
        description: Any,
        volume_id: str,
        *rest: Any,
    ) -> Any:
        try:
            return create(self, context, name, description, volume_id, *rest)
        except exception.InvalidBackup as refused:
            if not _has_backups(context, volume_id):
                raise
            raise exception.InvalidBackup(reason=REFUSAL) from refused

    return create_or_refuse


def _has_backups(context: Any, volume_id: str) -> bool:
    filters = {'volume_id': volume_id}
    project = context.project_id
    return bool(objects.BackupList.get_all_by_project(context, project, filters).objects)
