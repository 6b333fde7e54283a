"""What tokens cost, by a table of prices that the user gives. Exact: decimals, no floats."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from parrot_bench.errors import UsageError
from parrot_reports.spans.operations import ModelUse
from parrot_reports.text import shortened, visible

_MILLION = 1_000_000
_AMOUNTS = ("input", "cached", "output")
_LEAST, _MOST = Decimal("1e-12"), Decimal("1e12")
_EXAMPLE = '["gpt-4.1"] with input = 2.00, cached = 0.50, output = 8.00, currency = "USD"'


@dataclass(frozen=True, kw_only=True)
class Price:
    """Prices of one model, per million tokens.

    Attributes:
        input: Of input tokens that were not read from a cache.
        cached: Of input tokens read from a cache; that of input where there is none.
        output: Of output tokens, reasoning included.
        currency: Such as ``USD``.
    """

    input: Decimal
    cached: Decimal
    output: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the calls of one model cost.

    Attributes:
        model: Its name.
        amount: In the currency.
        currency: Such as ``USD``.
        calls: Its calls.
        unknown: Calls among them without usage, which cost nothing here.
    """

    model: str
    amount: Decimal
    currency: str
    calls: int
    unknown: int


def read_prices(path: Path) -> dict[str, Price]:
    """Read a table of prices: TOML, a table a model, named as in the spans.

    Args:
        path: The file. ``currency`` may stand once at its head, too.

    Raises:
        UsageError: It cannot be read, or is no table of prices.
    """
    try:
        with path.open("rb") as file:
            given = tomllib.load(file, parse_float=Decimal)
    except OSError as error:
        raise UsageError(f"prices {path} cannot be read ({error.strerror})") from error
    # Numbers of thousands of digits are refused by int and Decimal themselves.
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise UsageError(f"prices {path} is not TOML ({error}); write {_EXAMPLE}") from error
    currency = given.pop("currency", None)
    if not given:
        raise UsageError(f"prices {path} names no model; write {_EXAMPLE}")
    return {name: _price(name, prices, currency, path) for name, prices in given.items()}


def costs(
    use: Sequence[ModelUse], unknown: dict[str, int], prices: dict[str, Price]
) -> tuple[tuple[Cost, ...], tuple[str, ...]]:
    """Return what each model cost, dearest first, and the models that have no price.

    Args:
        use: Tokens by model.
        unknown: Calls without usage, by model.
        prices: Prices, by model.
    """
    amounts: dict[str, Decimal] = {}
    calls: dict[str, int] = {}
    for each in use:
        calls[each.model] = calls.get(each.model, 0) + each.calls
        if each.model in prices:
            so_far = amounts.get(each.model, Decimal(0))
            amounts[each.model] = so_far + _amount(each, prices[each.model])
    found = [
        Cost(
            model=model,
            amount=amount,
            currency=prices[model].currency,
            calls=calls[model],
            unknown=unknown.get(model, 0),
        )
        for model, amount in amounts.items()
    ]
    found.sort(key=lambda cost: (cost.currency, -cost.amount, cost.model))
    return tuple(found), tuple(sorted(calls.keys() - prices.keys()))


def _amount(use: ModelUse, price: Price) -> Decimal:
    whole, cached = use.input_tokens or 0, use.cached_tokens or 0
    # The conventions count cached tokens among those of the input.
    fresh = max(0, whole - cached)
    output = use.output_tokens or 0
    return (fresh * price.input + cached * price.cached + output * price.output) / _MILLION


def _price(name: str, given: Any, currency: Any, path: Path) -> Price:
    where = f"prices {path}, model {name!r}"
    if not isinstance(given, dict):
        raise UsageError(f"{where}: expected a table of prices; write {_EXAMPLE}")
    nested = next((key for key, value in given.items() if isinstance(value, dict)), None)
    if nested is not None:
        dotted = visible(f"{name}.{nested}")
        raise UsageError(f'{where}: a name with a dot needs quotes, as in ["{dotted}"]')
    strange = given.keys() - {*_AMOUNTS, "currency"}
    if strange:
        raise UsageError(f"{where}: {min(strange)!r} is not a price; write {_EXAMPLE}")
    amounts = {key: _number(given[key], key, where) for key in _AMOUNTS if key in given}
    if not {"input", "output"} <= amounts.keys():
        raise UsageError(f"{where}: input and output are needed; write {_EXAMPLE}")
    unit = given.get("currency", currency)
    if not isinstance(unit, str) or not unit.strip() or not unit.isprintable():
        raise UsageError(f"{where}: it has no currency; write {_EXAMPLE}")
    return Price(**{"cached": amounts["input"], **amounts}, currency=unit)


def _number(value: Any, key: str, where: str) -> Decimal:
    found = Decimal(value) if type(value) in {int, Decimal} else Decimal("nan")
    # Beyond the bounds nothing could be multiplied, or the page would have a million zeros.
    if not found.is_finite() or not (found == 0 or _LEAST <= found < _MOST):
        given = value if isinstance(value, str | bool) else found
        raise UsageError(
            f"{where}: {key} = {shortened(str(given), 40)} is not a price per million tokens"
        )
    return found
