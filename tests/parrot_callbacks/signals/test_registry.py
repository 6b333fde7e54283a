"""Our table of names against the conventions' registry, and numbers against each other."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import LLM
from langchain_core.messages import AIMessage

from parrot_callbacks import semconv
from parrot_callbacks.request import provider_name

REGISTRY = json.loads(
    (Path(__file__).parents[2] / "semconv" / "genai_registry.json").read_text(encoding="utf-8")
)
PROVIDER = REGISTRY["attributes"]["gen_ai.provider.name"]


@pytest.mark.parametrize("said", sorted(PROVIDER["wrong_spelling"]))
def test_a_well_known_provider_in_another_spelling(said: str) -> None:
    assert provider_name({}, {"ls_provider": said}) in PROVIDER["enum"]


@pytest.mark.parametrize("said", PROVIDER["enum"])
def test_a_well_known_provider_stands_for_itself(said: str) -> None:
    assert provider_name({}, {"ls_provider": said}) == said


def test_every_provider_we_map_is_well_known() -> None:
    assert set(semconv.PROVIDERS.values()) <= set(PROVIDER["enum"])


def test_any_other_provider_is_its_own_word_in_lower_case() -> None:
    assert provider_name({}, {"ls_provider": " Fireworks "}) == "fireworks"


@pytest.mark.parametrize(
    "instrument",
    [value for value in vars(semconv).values() if isinstance(value, semconv.Instrument)],
    ids=lambda instrument: instrument.latest,
)
def test_instruments(instrument: semconv.Instrument) -> None:
    bounds = REGISTRY["bounds"]
    for profile, name in (("v1.41", instrument.released), ("main", instrument.latest)):
        if not name:
            continue
        known = REGISTRY["metrics"][name]
        assert profile in known["profiles"]
        assert (known["kind"], known["unit"]) == ("histogram", instrument.unit)
        wanted = known["bounds"]
        wanted = bounds[wanted] if isinstance(wanted, str) else wanted
        assert list(instrument.boundaries) == wanted


def test_attributes_and_counters_are_in_the_registry() -> None:
    names = {
        value
        for value in vars(semconv).values()
        if isinstance(value, str) and value.startswith("gen_ai.")
    }
    known = {
        *REGISTRY["attributes"], *REGISTRY["deprecated_attributes"], *REGISTRY["events"],
    }  # fmt: skip
    assert names <= known
    # The one deprecated name is a label of a histogram that the release has.
    assert names & {*REGISTRY["deprecated_attributes"]} == {"gen_ai.token.type"}
    assert {*semconv.USAGE_COUNTERS} <= {*REGISTRY["attributes"]}
    assert {*semconv.USAGE_COUNTERS.values()} <= {*REGISTRY["metrics"]}


def test_finish_reasons() -> None:
    assert {*semconv.FINISH_REASONS.values()} <= {*REGISTRY["finish_reasons"]}


USAGE: Any = {
    "input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
    "input_token_details": {"audio": 10, "text": 60, "image": 30, "flex_cache_read": 40},
    "output_token_details": {"audio": 5, "text": 45, "flex_reasoning": 30},
}  # fmt: skip


def test_everything_in_the_usage(signals: Any, names: str, sync_echo: Any) -> None:
    reply = AIMessage("hey", usage_metadata=USAGE)
    sync_echo(reply=reply).invoke("x", signals.config())
    assert signals.findings() == []
    used = {
        name: value
        for name, value in signals.span("chat").attributes.items()
        if name.startswith("gen_ai.usage.")
    }
    assert used == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.audio.input_tokens": 10,
        "gen_ai.usage.text.input_tokens": 60,
        "gen_ai.usage.image.input_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.audio.output_tokens": 5,
        "gen_ai.usage.text.output_tokens": 45,
        "gen_ai.usage.reasoning.output_tokens": 30,
    }
    if names == "latest":
        points = signals.points()["gen_ai.client.inference.usage.input_tokens"]
        assert {point.attributes["gen_ai.token.modality"]: point.value for point in points} == {
            "audio": 10, "text": 60, "image": 30,
        }  # fmt: skip


def test_a_reply_without_an_id_has_the_run_s(signals: Any, sync_echo: Any) -> None:
    class Plain(LLM):
        @property
        def _llm_type(self) -> str:
            return "plain"

        def _call(self, prompt: str, *args: Any, **kwargs: Any) -> str:
            return "y"

    Plain().invoke("x", signals.config())
    sync_echo().invoke("x", signals.config())
    sync_echo(reply=AIMessage("y", response_metadata={"id": "msg_1"})).invoke("x", signals.config())
    first, second, third = (span.attributes["gen_ai.response.id"] for span in signals.spans)
    assert first.startswith("lc_run--")
    assert second.startswith("lc_run--")
    assert third == "msg_1"
