# SPDX-License-Identifier: Apache-2.0
"""Draws a terminal as a self-contained SVG."""

import io
import re
from html import escape

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.pictures.terminal import COLUMNS

#: Light on dark with a frame, for light and dark pages.
_THEME = TerminalTheme(
    (30, 34, 42),
    (216, 222, 233),
    [
        *((59, 66, 82), (224, 108, 117), (152, 195, 121), (229, 192, 123)),
        *((97, 175, 239), (198, 120, 221), (86, 182, 194), (216, 222, 233)),
    ],
)
# rich leaves room for a title, which is not used, and little at the sides.
_HEAD = 26
_MARGIN = 8
# Scales rich's 20 units for a letter to about the size of the text around a picture.
_SCALE = 0.7
_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
# The width of a letter in relation to its height, in most of these fonts.
_ASPECT = 0.602

# Some programs keep spaces because of xml:space, and others because of white-space.
_FORMAT = f"""\
<svg xmlns="http://www.w3.org/2000/svg" role="img" xml:space="preserve" \
viewBox="{{width}} {{height}}">
<title>@TITLE@</title>
<desc>@DESCRIPTION@</desc>
<style>
.{{unique_id}}-matrix {{{{ font-family: {_FONTS}; font-size: {{char_height}}px; }}}}
.{{unique_id}}-matrix text {{{{ white-space: pre; }}}}
{{styles}}
</style>
<defs>
{{lines}}
</defs>
<rect x="{1 - _MARGIN}" y="{_HEAD + 1 - _MARGIN}" width="@WIDTH@" height="@HEIGHT@" rx="8" \
fill="{_THEME.background_color.hex}" stroke="#7f848e"/>
<g transform="translate({{terminal_x}}, {{terminal_y}})" class="{{unique_id}}-matrix">
{{backgrounds}}
{{matrix}}
</g>
</svg>
"""


def draw(name: str, title: str, description: str, lines: list[Text]) -> str:
    """Draw lines of text, broken between words where they are longer than the terminal."""
    measure = Console(width=COLUMNS, file=io.StringIO())
    broken = [part for line in lines for part in line.wrap(measure, COLUMNS)]
    width = max(part.cell_len for part in broken)
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    for part in broken:
        console.print(part, no_wrap=True, crop=False, highlight=False)
    svg = console.export_svg(
        theme=_THEME, code_format=_FORMAT, font_aspect_ratio=_ASPECT, unique_id=name, title=''
    )
    # A space is a space, so that a command can be copied from the picture into a shell.
    svg = _sized(svg).replace('&#160;', ' ')
    svg = svg.replace('@TITLE@', escape(title)).replace('@DESCRIPTION@', escape(description))
    return re.sub(r'>\s*<(text|rect|clipPath|/clipPath)', r'>\n<\1', svg)


def _sized(svg: str) -> str:
    """Cut the head off, put margins around the text, and say how large a page is to show it."""
    (found,) = re.findall(r'viewBox="(\S+) (\S+)"', svg)
    width, height = float(found[0]) + 2 * _MARGIN, float(found[1]) - _HEAD + 2 * _MARGIN
    box = f'viewBox="{-_MARGIN} {_HEAD - _MARGIN} {width:g} {height:g}"'
    svg = re.sub(r'viewBox="[^"]*"', f'width="{width * _SCALE:.0f}" {box}', svg)
    return svg.replace('@WIDTH@', f'{width - 2:g}').replace('@HEIGHT@', f'{height - 2:g}')
