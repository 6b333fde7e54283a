"""Every execution mode: two whole spans, with the very same attributes.

Where they stand in a trace, in every place, is what the conformance suite asks.
"""

from typing import Any

import pytest
from opentelemetry import trace

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
]

STREAMING = {
    "stream", "stream_events_v3", "astream", "astream_events_v1", "astream_events_v2",
    "astream_events_v3", "astream_log",
}  # fmt: skip


def check(telemetry: Any, mode: str) -> None:
    assert len(telemetry.chats) == 2
    for chat in telemetry.chats:
        assert chat.name == "chat echo-1"
        assert chat.kind is trace.SpanKind.CLIENT
        assert chat.status.status_code is trace.StatusCode.UNSET
        attributes = dict(chat.attributes)
        streams = mode in STREAMING
        assert attributes.pop("gen_ai.request.stream", False) is streams
        assert (attributes.pop("gen_ai.response.time_to_first_chunk", None) is not None) is streams
        assert attributes.pop("gen_ai.response.id")
        assert attributes == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "parrot",
            "gen_ai.request.model": "echo-1",
            "gen_ai.request.temperature": 0.0,
            "gen_ai.response.model": "echo-2026-11",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 3,
            "langchain.identifying_params.model_name": "echo-1",
            "langchain.run.outcome": "completed",
        }
        assert isinstance(attributes["gen_ai.request.temperature"], float)


def test_sync_modes(telemetry: Any, echo: Any, sync_mode: Any) -> None:
    sync_mode(echo(), telemetry.config, lambda: None)
    check(telemetry, sync_mode.__name__)


async def test_async_modes(telemetry: Any, echo: Any, async_mode: Any) -> None:
    await async_mode(echo(), telemetry.config, lambda: None)
    check(telemetry, async_mode.__name__)
