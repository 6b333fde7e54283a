"""What tokens cost, to the last digit."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from generated_spans import write_spans
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.errors import UsageError
from parrot_reports.spans.operations import ModelUse
from parrot_reports.spans.prices import Price, costs, read_prices
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
        ("m = " + "9" * 5000, "is not TOML"),
        ("m = " + "[" * 100_000, "is not TOML"),
        ('["m"]\ninput = 1e99999999999999999999', "is not TOML"),
        ('["m"]\ninput = 1e12\noutput = 1\ncurrency = "X"', "input = 1E+12 is not a price"),
        ('["m"]\ninput = 1\noutput = 1e-9999999\ncurrency = "X"', "1E-9999999 is not a price"),
        ('["m"]\ninput = 0x' + "f" * 5000 + '\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["m"]\ninput = [0x' + "f" * 5000 + ']\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["m"]\ninput = "a\\nb"\noutput = 1\ncurrency = "X"', "is not a price"),
        ('["a\\nb".c]\ninput = 1', "a name with a dot needs quotes"),
        ('["m"]\ninput = 1\noutput = 1\ncurrency = "U\\nSD"', "it has no currency"),
    ],
)
def test_what_is_no_table_of_prices(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_prices(write(tmp_path, text))
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_prices(tmp_path / "none.toml")


AMOUNTS = st.decimals("0.000001", 1000, places=6)
TOKENS = st.none() | st.integers(0, 10**9)
USES = st.lists(st.tuples(st.sampled_from("abc"), TOKENS, TOKENS, TOKENS), max_size=8)


def prices_of(amounts: list[Decimal]) -> dict[str, Price]:
    return {
        name: Price(input=amount, cached=amount / 2, output=amount * 4, currency="USD")
        for name, amount in zip("ab", amounts, strict=True)
    }


@given(USES, st.lists(AMOUNTS, min_size=2, max_size=2), st.randoms())
def test_costs_add_up_in_any_order(
    rows: list[tuple[str, int | None, int | None, int | None]],
    amounts: list[Decimal],
    order: Random,
) -> None:
    prices = prices_of(amounts)
    uses = [use(*row) for row in rows]
    found, unpriced = costs(uses, {}, prices)
    order.shuffle(uses)
    assert costs(uses, {}, prices) == (found, unpriced)
    # Each row alone, with fractions: nothing was rounded, and nothing is left out.
    whole = Fraction(0)
    for row in uses:
        (alone, _) = costs([row], {}, prices)
        whole += sum(Fraction(each.amount) for each in alone)
    assert sum(Fraction(each.amount) for each in found) == whole
    assert sum(each.calls for each in found) + sum(r.model == "c" for r in uses) == len(uses)
    assert unpriced == (("c",) if any(row.model == "c" for row in uses) else ())


@given(TOKENS, TOKENS, TOKENS, AMOUNTS)
def test_cached_tokens_never_cost_more_than_fresh_ones(
    whole: int | None, cached: int | None, out: int | None, amount: Decimal
) -> None:
    cached = None if cached is None else min(cached, whole or 0)
    prices = prices_of([amount, amount])
    ((with_cache,), _) = costs([use("a", whole, cached, out)], {}, prices)
    ((without,), _) = costs([use("a", whole, None, out)], {}, prices)
    assert 0 <= with_cache.amount <= without.amount


NAMES = st.text(alphabet='abc.-"\\\n\u202e \u9e66', min_size=1, max_size=8)


@given(st.dictionaries(NAMES, AMOUNTS, min_size=1, max_size=3), st.booleans())
def test_a_table_that_is_written_is_read(table: dict[str, Decimal], at_the_head: bool) -> None:
    lines = ['currency = "EUR"'] if at_the_head else []
    for name, amount in table.items():
        lines += [f"[{json.dumps(name)}]", f"input = {amount:f}", f"output = {amount:f}"]
        lines += [] if at_the_head else ['currency = "EUR"']
    with TemporaryDirectory() as folder:
        found = read_prices(write(Path(folder), "\n".join(lines)))
    assert found == {
        name: Price(input=amount, cached=amount, output=amount, currency="EUR")
        for name, amount in table.items()
    }
