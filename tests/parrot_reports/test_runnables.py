"""What a page says of a chain or a graph: no floors, and spans of the models in it."""

from typing import Any

from parrot_bench.record import ModeReconciliation, RunRecord
from parrot_reports.sentences import has_floors
from parrot_reports.tables import reconciliation_row
from parrot_reports.units import NONE


def traced(**changes: Any) -> ModeReconciliation:
    fields: dict[str, Any] = {
        "mode": "invoke", "calls": 10, "chat_spans": 20, "outer_spans": 10, "model_calls": 20,
        "outcomes": {"completed": 20}, "orphans": 0, "duplicates": 0, "input_tokens_replies": 9,
        "output_tokens_replies": 9, "input_tokens_spans": 9, "output_tokens_spans": 9,
        "trace_id": "0",
    }  # fmt: skip
    return ModeReconciliation.model_validate({**fields, **changes})


def test_calls_stand_against_outermost_spans_and_models_against_theirs() -> None:
    row = reconciliation_row(traced())
    assert (row["calls"], row["outer"], row["asked"], row["spans"]) == ("10", "10", "20", "20")
    assert row["finding"] == "agrees"
    assert reconciliation_row(traced(outer_spans=8))["finding"] == "2 without a span"
    assert reconciliation_row(traced(chat_spans=19))["finding"] == "of models 1 without a span"
    assert reconciliation_row(traced(chat_spans=22))["finding"] == "of models 2 too many spans"


def test_of_a_chat_model_its_spans_are_the_outermost() -> None:
    row = reconciliation_row(traced(outer_spans=None, model_calls=None, calls=20))
    assert (row["outer"], row["asked"]) == (NONE, NONE)
    assert row["finding"] == "agrees"


def test_only_chat_models_have_floors(record: RunRecord) -> None:
    assert has_floors(record)
    assert record.model is not None
    for kind in ("graph", "Runnable", "text completion model"):
        model = record.model.model_copy(update={"kind": kind})
        assert not has_floors(record.model_copy(update={"model": model}))
