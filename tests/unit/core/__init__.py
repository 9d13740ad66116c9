# SPDX-License-Identifier: Apache-2.0
"""Tests of the pure logic, plain and by hypothesis."""

from hypothesis import settings

# The speed of a busy machine says nothing about the code.
settings.register_profile('backupext', deadline=None, print_blob=True)
settings.load_profile('backupext')
