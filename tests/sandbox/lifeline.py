# SPDX-License-Identifier: Apache-2.0
"""The socket between the supervisor and a server, which is the server's standard input.

Its end tells either side, at once and whatever the other died of, that the other is gone: no server
survives its supervisor, and the supervisor needs no polling.
"""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = 0
READY = b'r'


@contextlib.contextmanager
def tied_to_the_supervisor() -> Iterator[None]:
    """End this process when the supervisor closes the socket, and when the block fails.

    An exception in the main thread alone ends nothing: the services have threads that go on.
    """
    threading.Thread(target=_wait_for_the_end, daemon=True).start()
    try:
        yield
    except BaseException:  # noqa: BLE001  # any exception ends the process
        traceback.print_exc()
        os._exit(1)


def announce_ready() -> None:
    os.write(STDIN, READY)


def _wait_for_the_end() -> None:
    while os.read(STDIN, 1):
        pass
    # There is nothing to save: the state of a sandbox is temporary.
    os._exit(0)
