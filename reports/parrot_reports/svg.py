"""A figure's SVG file into a piece of a page: themed, without ids, rounded.

The files beside the page stay as they were drawn; only the copy inside the page is changed, so
that it follows the reader's dark or light setting.
"""

import re

from markupsafe import Markup, escape

from parrot_reports import colours

# matplotlib writes every text a second time as a comment, and a style sheet for all SVG.
_LEFT_OUT = re.compile(
    r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", re.DOTALL
)
_ROOT = re.compile(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>')
# Text in the file has its "<" and ">" escaped, so this finds tags and never a name.
_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s*\n\s*")
_NO_TURN = re.compile(r' transform="rotate\(-?0 [^"]*"')
_GROUP_ID = re.compile(r'^<g id="[^"]*"')
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_HEX = re.compile(r"#[0-9a-f]{6}")
_FONTS = {"'DejaVu Sans Mono'": "var(--mono)", "'DejaVu Sans'": "var(--sans)"}


def inline(svg: bytes, alt: str) -> Markup:
    """Turn a figure's file into an ``<svg>`` element for the page.

    Args:
        svg: The file, as matplotlib wrote it.
        alt: The finding, for readers who do not see the figure.

    Returns:
        The element. Text in it was escaped when it was drawn; ``alt`` is escaped here.
    """
    text = _LEFT_OUT.sub("", svg.decode())
    root = _ROOT.search(text)
    if root is None:
        raise ValueError("a figure without a viewBox cannot be set into the page")
    text = _SPACE.sub(" ", _TAG.sub(lambda found: _themed(found[0]), text[root.end() :]))
    text = text.replace("> <", "><").strip()
    head = Markup('<svg class="figure" role="img" viewBox="{}" aria-label="{}">')
    # Drawn by us, and the text in it escaped by matplotlib.
    return head.format(root[1], alt) + Markup(text)  # noqa: S704


def variables(*, dark: bool) -> Markup:
    """The CSS declarations of all colours of one theme."""
    pairs = (
        f"{colours.variable(light)}:{twin if dark else light}"
        for light, twin in sorted(colours.TWINS.items())
    )
    return escape(";".join(pairs))


def _themed(tag: str) -> str:
    tag = _GROUP_ID.sub("<g", _NO_TURN.sub("", tag))
    tag = _HEX.sub(_variable, tag)
    for family, variable in _FONTS.items():
        tag = tag.replace(family, variable)
    return _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), tag)


def _variable(found: re.Match[str]) -> str:
    return f"var({colours.variable(found[0])})" if found[0] in colours.TWINS else found[0]
