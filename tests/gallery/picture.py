"""From a report's page to the gallery's Markdown. Pure functions."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FIGURE = re.compile(
    r'<p class="finding">(?P<finding>(?:(?!</p>).)*)</p>\s*<figure>(?:(?!</figure>).)*'
    r'<figcaption class="define">(?P<caption>(?:(?!</figcaption>).)*?)'
    r'\s*<span class="files">Files: <a href="figures/(?P<name>[\w-]+)\.svg">',
    re.DOTALL,
)
_CODE = re.compile(r"<code>(.*?)</code>", re.DOTALL)
_STRONG = re.compile(r"<(?:strong|dfn)>(.*?)</(?:strong|dfn)>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")

_TITLES = {
    "ratios": "What each mode costs",
    "latency": "Latency of each call",
    "cold": "The first call after something else",
    "concurrency": "Calls in flight",
    "streaming": "First chunk and gaps of a stream",
    "streaming_latency": "The same, of a model that waits",
    "chunk_cost": "What a chunk costs",
    "ablation": "Where the time goes",
    "stability": "Whether the machine held still",
    "growth": "What grows over many calls",
    "differences": "Two sides of a comparison",
    "over-time": "Spans: calls over time",
}


_ABOUT = (
    "The figures of reports, each with its finding and its legend as they stand on the page. "
    "Made by `nox -s gallery -- RUN...` from saved runs:"
)


@dataclass(frozen=True)
class Shown:
    """A figure of a page.

    Attributes:
        name: Of its file, without ending.
        finding: What it shows, as Markdown.
        caption: How to read it, as Markdown.
    """

    name: str
    finding: str
    caption: str


def shown(page: str) -> list[Shown]:
    """Find the figures of a page, in its order."""
    return [
        Shown(found["name"], _markdown(found["finding"]), _markdown(found["caption"]))
        for found in _FIGURE.finditer(page)
    ]


def document(figures: Sequence[Shown], about: Sequence[str], folder: str, screen: str = "") -> str:
    """Write the gallery.

    Args:
        figures: In the order of the pages.
        about: What the runs are, a line each.
        folder: Where the figures' files lie, beside the document.
        screen: Path of the picture of a page's first screen; empty for none.
    """
    parts = [
        "# Gallery",
        _ABOUT,
        "\n".join(f"- {line}" for line in about),
    ]
    if screen:
        parts += [f"![The first screen of a report]({screen})"]
    for figure in figures:
        title = _TITLES.get(figure.name, figure.name.replace("_", " ").capitalize())
        parts += [
            f"## {title}",
            figure.finding,
            f"![{title}]({folder}/{figure.name}.svg)",
            f"<sub>{figure.caption}</sub>",
        ]
    return "\n\n".join(parts) + "\n"


def _markdown(text: str) -> str:
    """A piece of the page as Markdown: names stay code, numbers stay bold."""
    text = _STRONG.sub(r"**\1**", _CODE.sub(r"`\1`", text))
    return " ".join(html.unescape(_TAG.sub("", text)).split())
