# SPDX-License-Identifier: Apache-2.0
"""Tests of what takes several requests, or time: against the real Cloud or through the real shell.

Time is a fake clock's.
"""

from hypothesis import settings

# The speed of a busy machine says nothing about the code.
settings.register_profile('backupext', deadline=None, print_blob=True)
settings.load_profile('backupext')
