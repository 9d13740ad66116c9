# SPDX-License-Identifier: Apache-2.0
"""Tests without a cloud: pure logic, and commands through the real shell with stubbed HTTP."""
