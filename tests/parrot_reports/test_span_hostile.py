"""Whatever spans hold, it is text, and the page stays small."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from parrot_reports import read_spans, write_span_report
from parrot_reports.spans.writing import span_text

NAMES = {
    "markup": "<script>alert(1)</script>\"'><svg onload=alert(2)>",
    "turned round": "\u202egpt\u2066-5\u2069",
    "controls": "a\x00b\x07c\x1b[31m\r\n# d",
    "marks": "`|*_{{ 7*7 }} @you ![x](http://e.example) &lt;",
    "tex": "$\\frac{a}{b}$",
    "combining": "a" + "\u0301" * 300,
}
PAGE_LIMIT = 500_000
COMMENT_LIMIT = 65_536


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": key, "value": {kind: value}}


def spans(name: str, *, trace: int, failed: bool = True) -> list[dict[str, Any]]:
    """A trace in which everything that can be named has that name."""
    named = {
        "gen_ai.request.model": name, "gen_ai.provider.name": name, "error.type": name,
        "langchain.identifying_params." + name: name, "langchain.run.outcome": name,
        "gen_ai.response.finish_reasons": name, "gen_ai.usage.input_tokens": 3,
    }  # fmt: skip
    return [
        {
            "traceId": f"{trace:032x}", "spanId": f"{trace:08x}{place:08x}",
            "parentSpanId": f"{trace:08x}{0:08x}" if place else "", "name": name, "kind": 3,
            "startTimeUnixNano": str(10**18 + trace * 10**9), "status": {"code": 2 * failed},
            "endTimeUnixNano": str(10**18 + trace * 10**9 + 10**8 * (place + 1)),
            "attributes": [
                attribute("gen_ai.operation.name", "chat" if place else name),
                *(attribute(key, value) for key, value in named.items()),
            ],
        }
        for place in range(3)
    ]  # fmt: skip


def write(path: Path, names: list[str]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for trace, name in enumerate(names, start=1):
            resource = {"attributes": [attribute("service.name", name)]}
            scope = {"spans": spans(name, trace=trace)}
            one = {"resource": resource, "scopeSpans": [scope]}
            file.write(json.dumps({"resourceSpans": [one]}) + "\n")
    return path


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_are_text(tmp_path: Path, name: str) -> None:
    files = write_span_report(write(tmp_path / "traces.jsonl", [name] * 12))
    page = files.page.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<svg onload" not in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    for figure in files.figures:
        if figure.suffix == ".svg":
            assert "<script" not in figure.read_text(encoding="utf-8")
    summary = files.summary.read_text(encoding="utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", summary)
    assert not any(line.startswith("# ") for line in summary.splitlines())
    assert "\n" not in files.headline
    text, _ = span_text([tmp_path / "traces.jsonl"], "json")
    assert json.loads(text)["operations"][0]["target"] == name


def test_ten_megabytes_are_cut_and_say_so(tmp_path: Path) -> None:
    long = "<b>" + "long " * 2_000_000
    path = tmp_path / "traces.jsonl"
    one, other = spans(long, trace=1), spans(long + "er", trace=2)
    with path.open("w", encoding="utf-8") as file:
        for some in (one[:1], one[1:2], other[:1]):
            file.write(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": some}]}]}) + "\n")
    table = read_spans(path)
    assert len(table) == 3
    assert table.frame["name"].str.len_chars().max() <= 1_000  # type: ignore[operator]
    assert table.frame["name"][0].startswith("<b>long long")
    assert "(10000003 characters, " in table.frame["name"][0]
    assert table.frame["name"].n_unique() == 2, "cut alike, they are still told apart"
    page = write_span_report(path).page
    assert page.stat().st_size < PAGE_LIMIT
    assert "\N{HORIZONTAL ELLIPSIS}" in page.read_text(encoding="utf-8")


def test_thousands_of_long_names_fit_a_page_and_a_comment(tmp_path: Path) -> None:
    names = [f"{'<&>' * 300}{number}" for number in range(2_000)]
    files = write_span_report(write(tmp_path / "traces.jsonl", names))
    assert files.page.stat().st_size < PAGE_LIMIT
    assert files.summary.stat().st_size < COMMENT_LIMIT
    page = files.page.read_text(encoding="utf-8")
    assert "more operations with fewer spans" in page
    assert "4000" in page


def test_numbers_that_make_no_sense(tmp_path: Path) -> None:
    odd = spans("m", trace=1, failed=False)
    given: list[dict[str, Any]] = [
        {"intValue": "-5"}, {"intValue": str(1 << 62)}, {"doubleValue": 12.0},
    ]  # fmt: skip
    for span, value in zip(odd, given, strict=True):
        span["attributes"] = [
            {
                "key": "gen_ai.operation.name",
                "value": {
                    "arrayValue": {
                        "values": [
                            {"stringValue": "chat"},
                            {"boolValue": True},
                        ]
                    }
                },
            },
            {"key": "error.type", "value": {"doubleValue": 2.5}},
            {"key": "gen_ai.request.model", "value": {"kvlistValue": {"values": []}}},
            {"key": "gen_ai.usage.input_tokens", "value": value},
            {"key": "gen_ai.response.time_to_first_chunk", "value": {"stringValue": "soon"}},
        ]
        span["endTimeUnixNano"] = "0"
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": odd}]}]}))
    table = read_spans(path)
    assert table.frame["input_tokens"].to_list() == [None, None, 12]
    assert table.malformed == ()
    assert table.frame["operation"].to_list() == ["chat, True"] * 3
    assert table.frame["error"].to_list() == ["2.5"] * 3
    assert write_span_report(path).page.is_file()
