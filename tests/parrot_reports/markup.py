"""Texts that are markup, and what a page, a comment and data make of them."""

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from parrot_reports.text import visible

PIECES = st.sampled_from([
    "<", ">", "&", "'", '"', "`", "``", "|", "\\", "\n", "\r\n", "\x00", "\u2028", "\u202e", "  ",
    "</style>", "<script>", "</td>", "<!--", "-->", "]]>", "{{ 7*7 }}", "{% raw %}", "*", "__",
    "[x](y)", "![", "~~", "$", "@you", "# ", "- ", "5 ms", "&lt;", "&#60;", "<svg/onload=1>",
])  # fmt: skip
HOSTILE = (st.lists(PIECES, max_size=4).map("".join) | st.text(max_size=30)).map(lambda t: t[:30])


def harmless(fields: Sequence[str]) -> dict[str, str]:
    """A text for each field, none of them in another."""
    return {field: f"Q{chr(ord('a') + place)}Z" for place, field in enumerate(fields)}


def put_into(text: str, hostile: str) -> str:
    """A text in a harmless one: in the order of rows it stands where that one stood."""
    return f"{text[:2]}{hostile}Z"


class PageParts(HTMLParser):
    """Elements with their attributes, text and comments, in the order of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Any]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("/", tag))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "#text":
            data = self.found.pop()[1] + data
        self.found.append(("#text", data))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration", decl))


def comment_parts(text: str) -> list[tuple[str, str]]:
    """Blocks of a comment and what is in them, in order."""
    found: list[tuple[str, str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        found.append((token.type, ""))
        for part in token.children or ():
            # Nobody is called by an @.
            kind, content = part.type, part.content.replace("@\N{WORD JOINER}", "@")
            if kind == found[-1][0] == "text":
                content = found.pop()[1] + content
            found.append((kind, content))
    return found


def swapped(part: Any, texts: dict[str, str]) -> Any:
    """The same, with other texts in place of the harmless ones, as they can be seen."""

    def swap(text: str) -> str:
        found = re.sub("Q[a-z]Z", lambda match: visible(texts.get(match[0], match[0])), text)
        # A number keeps its unit on its line.
        return found.replace("\N{NO-BREAK SPACE}", " ")

    return _mapped(part, swap)


def seen(part: Any) -> Any:
    """The same data, its texts as they can be seen."""
    return _mapped(part, visible)


def _mapped(part: Any, change: Callable[[str], str]) -> Any:
    if isinstance(part, str):
        return change(part)
    if isinstance(part, dict):
        return {change(key): _mapped(value, change) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_mapped(each, change) for each in part]
    return part
