# SPDX-License-Identifier: Apache-2.0
"""Tests of the pure logic, plain and by hypothesis."""

import os

from hypothesis import settings

HISTORIES = os.environ.get('HISTORIES')

settings.register_profile(
    'backupext',
    # `make nightly` asks for 100,000.
    max_examples=int(HISTORIES or 200),
    # It finds new defects; a change must not fail because of an older one.
    derandomize=HISTORIES is None,
    # The speed of a busy machine says nothing about the code.
    deadline=None,
    print_blob=True,
)
settings.load_profile('backupext')
