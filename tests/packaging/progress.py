# SPDX-License-Identifier: Apache-2.0
"""Says what is being done and how long it took."""

import contextlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Name a step before it is done, and give its duration after it."""
    say(f'== {text} ...')
    begin = time.monotonic()
    yield
    say(f'   {time.monotonic() - begin:.1f} s')


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()
