# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  # not a package: Sphinx finds it by its path
"""Options that help texts mention, written as code: help texts themselves have no markup."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

_OPTION = re.compile(r'((?<![\w-])--?[a-z][\w-]*)')


class OptionsAsCode(SphinxTransform):
    """Mark each option in a paragraph as code."""

    default_priority = 700

    def apply(self, **_kwargs: Any) -> None:
        """Split the text of paragraphs around options."""
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, nodes.paragraph) and _OPTION.search(text):
                text.parent.replace(text, _with_code(text))


def _with_code(text: str) -> list[nodes.Node]:
    """Split a text, in which every second part is an option."""
    kinds = (nodes.Text, lambda option: nodes.literal(option, option))
    parts = enumerate(_OPTION.split(text))
    return [kinds[place % 2](part) for place, part in parts if part]


def setup(app: Sphinx) -> dict[str, Any]:
    """Have Sphinx apply the transform."""
    app.add_transform(OptionsAsCode)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
