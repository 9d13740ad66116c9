# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""How Sphinx builds the documentation."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / '_ext'), str(HERE.parents[1])]

project = 'backupext'
author = 'The backupext founders'
project_copyright = author

extensions = ['cliff.sphinxext', 'lexers', 'options', 'tables']

root_doc = 'index'
nitpicky = True
highlight_language = 'none'
# A dash or a curly quote in a command line that somebody copies is an error.
smartquotes = False

html_theme = 'furo'
html_title = 'backupext'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False

man_pages = [
    (
        'man/openstack-volume-backup',
        'openstack-volume-backup',
        'back up volumes of OpenStack Block Storage',
        [],
        1,
    ),
]

# cliff gives every command its options of output; the reference names them once.
autoprogram_cliff_application = 'openstack'
autoprogram_cliff_ignored = [
    '--help',
    '--format',
    '--column',
    '--quote',
    '--noindent',
    '--max-width',
    '--fit-width',
    '--print-empty',
    '--prefix',
    '--sort-column',
    '--sort-ascending',
    '--sort-descending',
]
