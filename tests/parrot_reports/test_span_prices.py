"""What tokens cost, to the last digit."""

from decimal import Decimal
from pathlib import Path

import pytest
from generated_spans import write_spans

from parrot_bench.errors import UsageError
from parrot_reports.spans.operations import ModelUse
from parrot_reports.spans.prices import costs, read_prices
from parrot_reports.spans.writing import SpanOptions, read_span_report, span_text

TABLE = """
currency = "USD"
["gpt-4.1"]
input = 2.00
cached = 0.50
output = 8
[mistral-large]
input = 1.8
output = 5.4
currency = "EUR"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def use(model: str, given: int | None, cached: int | None, out: int | None) -> ModelUse:
    return ModelUse(
        model=model, provider="", identity=(), calls=1, failed=0, input_tokens=given,
        output_tokens=out, cached_tokens=cached, reasoning_tokens=None,
    )  # fmt: skip


def test_cached_tokens_are_a_part_of_the_input(tmp_path: Path) -> None:
    prices = read_prices(write(tmp_path, TABLE))
    rows = [
        use("gpt-4.1", 1_000_001, 400_000, 3),
        use("gpt-4.1", 10, None, None),
        use("mistral-large", 1_000_000, 1_000_000, 0),
        use("other", 5, 5, 5),
    ]
    found, unpriced = costs(rows, {"gpt-4.1": 2}, prices)
    assert [(each.model, each.amount, each.currency, each.unknown) for each in found] == [
        ("mistral-large", Decimal("1.8"), "EUR", 0),
        # 600,001 x 2.00 + 400,000 x 0.50 + 3 x 8 + 10 x 2.00, a million apart
        ("gpt-4.1", Decimal("1.400046"), "USD", 2),
    ]
    assert unpriced == ("other",)


def test_models_without_a_price_are_named_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    write_spans(path, 400)
    report = read_span_report([path], options=SpanOptions(prices=write(tmp_path, TABLE)))
    assert report.unpriced == ("claude-sonnet-4-5", "gemini-2.5-flash", "gpt-4.1-mini")
    text, _ = span_text([path], "md", options=SpanOptions(prices=write(tmp_path, TABLE)))
    assert "Without a price: `claude-sonnet-4-5`, `gemini-2.5-flash`, `gpt-4.1-mini`." in text
    rows = [each for each in report.use if each.model == "gpt-4.1"]
    expected = sum(
        ((row.input_tokens or 0) - (row.cached_tokens or 0)) * 2
        + (row.cached_tokens or 0) * Decimal("0.5")
        + (row.output_tokens or 0) * 8
        for row in rows
    )
    (found,) = [cost for cost in report.costs if cost.model == "gpt-4.1"]
    assert found.amount == Decimal(expected) / 1_000_000
    assert f"{found.amount:,f} USD" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no model"),
        ("[", "is not TOML"),
        ('[gpt-4.1]\ninput = 1\noutput = 2\ncurrency = "X"', 'needs quotes, as in ["gpt-4.1"]'),
        ('["m"]\ninput = 1\ncurrency = "X"', "input and output are needed"),
        ('["m"]\ninput = 1\noutput = 1', "it has no currency"),
        ('["m"]\ninput = -1\noutput = 1\ncurrency = "X"', "input = -1 is not a price"),
        ('["m"]\ninput = nan\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["m"]\ninput = true\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["m"]\ninput = "1"\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["m"]\nout = 1', "'out' is not a price"),
        ("m = 3", "expected a table of prices"),
    ],
)
def test_what_is_no_table_of_prices(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_prices(write(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_prices(tmp_path / "none.toml")
