# SPDX-License-Identifier: Apache-2.0
"""Presentation: command base classes, options, columns."""
