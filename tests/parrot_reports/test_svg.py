"""A figure inside the page."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from parrot_reports.svg import inline

FILE = b'<?xml?><svg viewBox="0 0 9 9"><g id="a"><path d="M 1.25 2"/></g></svg>'


@given(st.text())
def test_no_alternative_text_ends_its_attribute(alt: str) -> None:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(str(inline(FILE, alt)))
    assert [tag for tag, _ in found] == ["svg", "g", "path"]
    assert found[0][1]["aria-label"] == alt.replace("\r\n", "\n").replace("\r", "\n") or (
        found[0][1]["aria-label"] == alt
    )
    assert set(found[0][1]) == {"class", "role", "viewbox", "aria-label"}
