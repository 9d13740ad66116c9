# SPDX-License-Identifier: Apache-2.0
"""Signals that end a command."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def treated_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, within this context.

    systemd ends a service with SIGTERM, and a closed terminal its command with SIGHUP. A signal
    that is ignored, as ``nohup`` does, stays ignored.
    """
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    changed = [each for each, handler in before.items() if handler is not signal.SIG_IGN]
    for each in changed:
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each in changed:
            signal.signal(each, before[each] or signal.SIG_DFL)
