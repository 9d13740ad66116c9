# SPDX-License-Identifier: Apache-2.0
"""Creates the terminal pictures of the documentation: `python -m tests.pictures`."""
