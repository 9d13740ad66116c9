# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""How Sphinx builds the release notes."""

project = 'backupext release notes'
author = 'The backupext founders'
project_copyright = author

extensions = ['reno.sphinxext']

root_doc = 'index'
html_theme = 'alabaster'
