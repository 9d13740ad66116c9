# SPDX-License-Identifier: Apache-2.0
"""Shows each step and its duration."""

import contextlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Print the name of a step before it, and its duration after it."""
    say(f'== {text} ...')
    begin = time.monotonic()
    yield
    say(f'   {time.monotonic() - begin:.1f} s')


def say(text: str) -> None:
    """Print a line and flush it."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()
