# SPDX-License-Identifier: Apache-2.0
"""Tests of the project itself: its layers, what it imports, its parsers and its packaging."""
