# SPDX-License-Identifier: Apache-2.0
"""Makes the documentation's pictures of terminals: `python -m tests.pictures`."""
