# SPDX-License-Identifier: Apache-2.0
"""Change the name, the description, the properties and the state of a backup."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from backupext import errors
from backupext.cloud import Cloud
from backupext.core.models import Backup


def update(
    cloud: Cloud, backup: Backup, *, state: str | None, attributes: Mapping[str, Any]
) -> None:
    """Set the state and then everything else; if one fails, the other is tried nevertheless.

    :param state: ``available`` or ``error``; it changes only in the database.
    :param attributes: name, description, metadata; each replaces the present value.
    :raises BackupError: something was not set; the message says what was set and what was not.
    """
    steps: list[tuple[str, Callable[[], None]]] = []
    if state is not None:
        steps.append(('state', lambda: cloud.reset_backup(backup, state)))
    if attributes:
        what = ', '.join('properties' if name == 'metadata' else name for name in attributes)
        steps.append((what, lambda: cloud.update_backup(backup, **attributes)))
    _run(steps)


def _run(steps: Iterable[tuple[str, Callable[[], None]]]) -> None:
    done, failures = [], []
    for what, step in steps:
        try:
            step()
        except errors.RequestError as error:
            failures.append((what, error))
        else:
            done.append(what)
    if failures:
        sentences = ' '.join(str(error) for _, error in failures)
        missed = ', '.join(what for what, _ in failures)
        summary = f'Set: {", ".join(done)}. Not set: {missed}.' if done else 'Nothing was set.'
        raise errors.BackupError(f'{sentences} {summary}')


def remove_properties(
    metadata: Mapping[str, str], keys: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the properties without some keys, and the keys that do not exist."""
    left = dict(metadata)
    missing = [key for key in dict.fromkeys(keys) if left.pop(key, None) is None]
    return left, missing
