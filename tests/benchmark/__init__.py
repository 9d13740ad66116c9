# SPDX-License-Identifier: Apache-2.0
"""Compares the plugin with OSC, cinderclient and bare HTTP: `python -m tests.benchmark`.

Figures are only comparable within one run: everything is measured in turns on the same machine,
against the same sandbox, and reported as medians and ratios. Nothing is asserted.
"""
