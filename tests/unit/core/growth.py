# SPDX-License-Identifier: Apache-2.0
"""How the work of a function grows with its input, on a machine of any speed."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

from backupext.core.models import Backup

_FIRST = datetime(2026, 1, 1, 2)  # noqa: DTZ001  # as the API writes it: naive UTC


def nightly_chain(length: int) -> list[Backup]:
    """Return a full backup and one incremental backup a night, each built on the one before."""
    return [_of_night(number, number < length - 1) for number in range(length)]


def _of_night(number: int, has_child: bool) -> Backup:  # noqa: FBT001  # a fact, not an option
    made = _FIRST + timedelta(days=number)
    touched = made + timedelta(days=1) if has_child else made
    return Backup(
        f'{number:06}',
        status='available',
        volume_id='volume',
        project_id='project',
        is_incremental=number > 0,
        object_count=1,
        created_at=made.isoformat(),
        data_timestamp=made.isoformat(),
        updated_at=(touched + timedelta(minutes=5)).isoformat(),
    )


def steps(function: Callable[[], object]) -> int:
    """Count the instructions that a call executes, including nested calls."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == 'opcode'
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count
