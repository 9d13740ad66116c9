# SPDX-License-Identifier: Apache-2.0
"""Tests of the plugin, and what they run against."""
