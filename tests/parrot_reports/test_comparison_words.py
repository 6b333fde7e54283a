"""A comparison in words, whatever was compared: properties of sentences, table and Markdown."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from parrot_bench.record import ComparisonResult, Estimate, ModeComparison, SideRecord
from parrot_reports import units
from parrot_reports.comparing.sentences import (
    GATES,
    difference,
    doubts,
    finding,
    headline,
    order,
    remarks,
    sentence,
    together,
    trust_line,
)
from parrot_reports.comparing.table import rows
from parrot_reports.markdown import comparison_markdown
from parrot_reports.page import set_in_html
from parrot_reports.parts import Name, plain
from parrot_reports.text import visible

# Names are what users call their modes, branches and models: any text there is.
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["invoke", "a|b", "`", "<b>", "1. x", "- x", "+", "&lt;", "\\", "@all", "~~x~~", "http://a.b"]
)


@st.composite
def ratios(draw: st.DrawFn) -> Estimate:
    """As estimates are: from a hair beside 1 to many times."""
    value = draw(st.floats(0.9, 1.1) | st.floats(0.01, 100) | st.just(1.0))
    below, above = (draw(st.sampled_from([1e-6, 1e-4, 0.003, 0.05, 0.4])) for _ in range(2))
    return Estimate(
        value=value, low=value * (1 - below), high=value * (1 + above), confidence=0.95,
        count=draw(st.integers(2, 20)), unit="ratio",
    )  # fmt: skip


NS = st.none() | st.floats(1, 1e10)
MODES = st.builds(
    ModeComparison,
    mode=NAMES,
    study=st.sampled_from(["overhead", "streaming, first chunk"]),
    candidate_ns=NS,
    baseline_ns=NS,
    cpu_ratio=st.none() | ratios(),
    wall_ratio=st.none() | ratios(),
    decided_by=st.sampled_from(["cpu", "wall"]),
    verdict=st.sampled_from(["slower", "faster", "same", "not resolved", "not measured"]),
    gated=st.booleans(),
    gate=st.none() | st.sampled_from([*GATES]),
    note=st.sampled_from(["", "the candidate's runs lack it", "fewer than three runs a side"]),
)
LABELS = st.builds(
    SideRecord,
    label=NAMES,
    kind=st.just("git"),
    changed=st.dictionaries(NAMES, st.tuples(NAMES, st.just("")), max_size=1),
    notes=st.lists(NAMES, max_size=1).map(tuple),
)
RESULTS = st.builds(
    ComparisonResult,
    candidate=LABELS,
    baseline=LABELS,
    modes=st.lists(MODES, max_size=6).map(tuple),
    unit=st.sampled_from(["pair", "run"]),
    units=st.integers(1, 12),
    rounds=st.integers(0, 10**5),
    fail_on=st.sampled_from([0.01, 0.5]),
    delta=st.just(0.02),
    gate=st.none() | st.sampled_from([*GATES]),
    aa_candidate=st.none() | ratios(),
    unlike=st.lists(NAMES, max_size=1).map(tuple),
)

_NUMBER = re.compile(r"[-+]?\d[\d\u202f]*(?:\.\d+)?")


def numbers(text: str) -> list[float]:
    """Numbers of a text, signs included; an interval's comma stands between two of them."""
    return [float(found.replace("\u202f", "")) for found in _NUMBER.findall(text)]


@given(ratios())
def test_a_difference_says_what_the_ratio_says(ratio: Estimate) -> None:
    said = difference(ratio)
    value, low, high = numbers(said)
    assert low <= value <= high
    if units.TIMES in said:
        assert not 0.5 < ratio.value < 2
        assert (value, low, high) == pytest.approx((ratio.value, ratio.low, ratio.high), rel=0.06)
        return
    assert not re.search(r"-0[.]0+\b", said)
    places = len(said.split(" %")[0].partition(".")[2])
    percents = [(each - 1) * 100 for each in (ratio.value, ratio.low, ratio.high)]
    assert [value, low, high] == pytest.approx(percents, abs=0.51 * 10**-places)
    # Nothing that excludes 0 is written as if it ended there.
    for bound, written in ((ratio.low, low), (ratio.high, high)):
        assert (written == 0) == (bound == 1 or abs(bound - 1) < 0.5e-6)


@given(ratios(), st.sampled_from(["slower", "faster", "same"]))
def test_the_sentence_has_the_number_that_the_table_has(ratio: Estimate, verdict: Any) -> None:
    mode = ModeComparison(mode="x", cpu_ratio=ratio, verdict=verdict)
    result = ComparisonResult(
        candidate=SideRecord(label="a", kind="git"), baseline=SideRecord(label="b", kind="git"),
        modes=(mode,), unit="pair", units=9, delta=0.02,
    )  # fmt: skip
    said = plain(sentence(mode, result))
    cell = next(c for h, c in zip(rows(result).heads, rows(result).rows[0].cells, strict=True)
                if h.startswith("difference"))  # fmt: skip
    if verdict == "same":
        assert cell in said
        return
    table, words = numbers(cell), numbers(said)
    if units.TIMES in cell:
        assert words == table
        return
    sign = -1 if " less" in said else 1
    assert (sign > 0) == (ratio.value >= 1)
    low, high = sorted(sign * bound for bound in words[1:])
    assert [sign * words[0], low, high] == pytest.approx(table, abs=0.0501)


@settings(max_examples=60)
@given(RESULTS)
def test_every_mode_has_a_row_a_sentence_and_a_place(result: ComparisonResult) -> None:
    table = rows(result)
    assert Counter(order(result)) == Counter(result.modes)
    at = table.heads.index("mode")
    assert [row.cells[at] for row in table.rows] == [mode.mode for mode in result.modes]
    assert {len(row.cells) for row in table.rows} <= {len(table.heads)}
    for mode, row in zip(result.modes, table.rows, strict=True):
        assert row.decided == (mode.verdict in {"slower", "faster", "same"})
        if mode.gate is not None:
            assert row.cells[-1].startswith(GATES[mode.gate])
        said = sentence(mode, result)
        assert said[0] == mode.mode
        assert isinstance(said[0], Name)
        # Where nothing is resolved, no number is named.
        if mode.verdict == "not resolved" and mode.ratio is not None:
            assert not numbers("".join(said[1:]))
    gated = [mode.gated for mode in order(result)]
    assert gated == sorted(gated, reverse=True)
    noted = [mode for mode in result.modes if mode.note]
    assert len(table.notes) == len({mode.note for mode in noted})
    for mode in noted:
        (line,) = (line for line in table.notes if line.endswith(f": {mode.note}."))
        alike = list(dict.fromkeys(m.mode for m in noted if m.note == mode.note))
        assert mode.mode in line or line.startswith("All modes") or alike.index(mode.mode) >= 4


@settings(max_examples=60)
@given(RESULTS)
def test_counts_in_sentences_are_those_of_the_modes(result: ComparisonResult) -> None:
    if result.gate is None:
        _, _, _, _, tallied = headline(result)
        counted = [int(part.split()[0]) for part in tallied.split(", ") if part[0].isdigit()]
        assert sum(counted) == len(result.modes)
    else:
        assert plain(headline(result)).startswith(f"{GATES[result.gate]}: ")
    measured = [ratio for mode in result.modes if (ratio := mode.ratio) is not None]
    found = plain(finding(result.modes))
    across = sum(ratio.low <= 1 <= ratio.high for ratio in measured)
    if len(measured) > 1:
        assert found.endswith(f"; {across} of {len(measured)} intervals include 0.")
    elif measured:
        assert found.endswith("an interval that includes 0.") == bool(across)
    said = list(doubts(result))
    level, line = trust_line(result)
    assert (level == "green") == (not said)
    assert not said or f": {len(said)} reason" in line
    for mode in result.modes:
        alike = [m for m in result.modes if m.verdict == mode.verdict]
        names = [part for part in together(alike, result) if isinstance(part, Name)]
        assert names == [m.mode for m in alike]


@settings(max_examples=60)
@given(RESULTS)
def test_no_name_is_markup_on_the_page(result: ComparisonResult) -> None:
    said = [headline(result), finding(result.modes), *(sentence(m, result) for m in result.modes)]
    for each in said:
        assert not re.search(r"<(?!/?(code|strong)>)", str(set_in_html(each)))


def shown(token: Token) -> str:
    """The text of a block of Markdown, as a reader sees it."""
    return "".join(part.content for part in token.children or ())


@settings(max_examples=60)
@given(RESULTS)
def test_no_name_is_markup_in_markdown(result: ComparisonResult) -> None:
    """As a parser of Markdown reads it, everything is where it was put, and is text."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(
        comparison_markdown(result)
    )  # fmt: skip
    inside = {part.type for token in tokens for part in token.children or ()}
    assert inside <= {"text", "code_inline", "text_special"}
    kinds = Counter(token.type for token in tokens)
    assert kinds["heading_open"] == kinds["table_open"] == 1
    assert kinds["tr_open"] == 1 + len(result.modes)
    assert kinds["td_open"] == len(result.modes) * len(rows(result).heads)
    heading, *blocks = (shown(token) for token in tokens if token.type == "inline")
    remarked = [*rows(result).notes, *remarks(result)]
    assert kinds["list_item_open"] == len(remarked)
    assert kinds["bullet_list_open"] == 1
    cells = [visible(c) for row in rows(result).rows for c in row.cells]

    def bare(texts: list[str]) -> list[str]:
        # Blanks at the ends of a line are no text of Markdown's.
        return [text.replace("\N{WORD JOINER}", "\ufffd").strip() for text in texts]

    found = bare(blocks[len(rows(result).heads) :])
    expected = bare([*cells, *(visible(each).replace("@", "@\ufffd") for each in remarked)])
    assert found == expected
    assert heading
