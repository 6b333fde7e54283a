"""From what LangChain hands over to attributes of the registry."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.language_models import LLM, BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation, GenerationChunk, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

from parrot_callbacks import OpenTelemetryCallbackHandler
from parrot_callbacks.reply import finish_reason, reply_attributes
from parrot_callbacks.request import (
    allowed_context,
    identifying_params,
    model_name,
    provider_name,
    request_attributes,
    server_attributes,
)
from parrot_callbacks.runnables import agent_name, chain_span, retriever_span, tool_span

HAS_V3 = hasattr(BaseChatModel, "stream_events")


def test_doubles_are_doubles_and_ints_are_ints() -> None:
    found = request_attributes(
        {"temperature": 0, "top_p": 1, "top_k": 5, "max_tokens": 7, "seed": 3, "n": 2,
         "stop": "x", "presence_penalty": 0.5, "reasoning_effort": "low", "logprobs": True},
        {},
        {},
    )  # fmt: skip
    assert {name: (type(value), value) for name, value in found.items()} == {
        "gen_ai.request.temperature": (float, 0.0),
        "gen_ai.request.top_p": (float, 1.0),
        "gen_ai.request.presence_penalty": (float, 0.5),
        "gen_ai.request.top_k": (int, 5),
        "gen_ai.request.seed": (int, 3),
        "gen_ai.request.max_tokens": (int, 7),
        "gen_ai.request.choice.count": (int, 2),
        "gen_ai.request.stop_sequences": (list, ["x"]),
        "gen_ai.request.reasoning.level": (str, "low"),
    }


def test_values_of_the_wrong_type_are_left_out() -> None:
    assert request_attributes({"temperature": "hot", "max_tokens": True, "n": 1}, {}, {}) == {}
    assert request_attributes({"max_tokens": -1}, {}, {"ls_max_tokens": -1}) == {}


@pytest.mark.parametrize(
    ("params", "name", "value"),
    [
        ({"candidate_count": 2}, "request.choice.count", 2),
        ({"num_predict": 5}, "request.max_tokens", 5),
        ({"thinking_level": "high"}, "request.reasoning.level", "high"),
        ({"reasoning": {"effort": "low"}}, "request.reasoning.level", "low"),
        ({"modalities": ["text", "audio"]}, "output.type", "speech"),
        ({"response_modalities": ["TEXT", "IMAGE"]}, "output.type", "image"),
        ({"response_format": {"type": "json_object"}}, "output.type", "json"),
        ({"response_format": {"type": "text"}}, "output.type", "text"),
        ({"previous_response_id": "r"}, "request.previous_response.id", "r"),
    ],
)
def test_what_providers_call_it(params: Any, name: str, value: Any) -> None:
    assert request_attributes(params, {}, {}) == {f"gen_ai.{name}": value}


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        ("openai", "openai"), ("azure", "azure.ai.openai"), ("amazon_bedrock", "aws.bedrock"),
        ("google_vertexai", "gcp.vertex_ai"), ("google_genai", "gcp.gemini"),
        ("mistralai", "mistral_ai"), ("xai", "x_ai"), ("MyHouse", "myhouse"),
    ],
)  # fmt: skip
def test_providers(said: str, recorded: str) -> None:
    assert provider_name({}, {"ls_provider": said}) == recorded


def test_a_provider_is_never_absent() -> None:
    assert provider_name({"_type": "echo"}, {}) == "echo"
    assert provider_name({}, {}) == "unknown"
    assert model_name({}, {}) == ""


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.example.org/v1", ("api.example.org", 443)),
        ("http://user:pw@localhost:8080", ("localhost", 8080)),
        ("http://[::1]/", ("::1", 80)),
        ("host.example:99", ("host.example", 99)),
    ],
)
def test_servers(url: str, address: tuple[str, int]) -> None:
    assert tuple(server_attributes(url).values()) == address


@pytest.mark.parametrize("url", ["", "http://", "http://h:port", None, 3])
def test_what_is_no_server(url: object) -> None:
    assert server_attributes(url) == {}


def test_call_arguments_are_no_identifying_params() -> None:
    params = {
        "model_name": "m", "nothing": None, "table": {"a": 1}, "custom": 1, "_type": "t",
        "stop": ["x"], "tools": [{}], "tool_choice": "any", "response_format": {},
        "unheard_of": "by anybody",
    }  # fmt: skip
    assert identifying_params(params, {"stop": None, "custom": 1}) == {
        "langchain.identifying_params.model_name": "m",
        "langchain.identifying_params.table": '{"a":1}',
    }


def test_an_unknown_argument_of_invoke_is_none(telemetry: Any, echo: Any) -> None:
    model = echo(params={"voice": "soft"})
    model.invoke("x", telemetry.config, unheard_of="secret plan", temperature=0.5)
    list(model.stream("x", telemetry.config, unheard_of="secret plan", temperature=0.5))
    for span in telemetry.chats:
        assert {
            name: value
            for name, value in span.attributes.items()
            if name.startswith("langchain.identifying_params.")
        } == {
            "langchain.identifying_params.model_name": "echo-1",
            "langchain.identifying_params.voice": "soft",
        }
        assert "secret plan" not in span.to_json()


def test_usage_with_all_details() -> None:
    message = AIMessage("x")
    # As providers' packages do it: nothing is validated after a message is made, and models of
    # other people's count what LangChain knows no names for.
    usage: Any = {
        "input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
        "input_token_details": {
            "audio": 1, "text": 2, "image": 3, "cache_read": 10, "cache_creation": 0,
            "ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 5,
        },
        "output_token_details": {"audio": 4, "reasoning": 30},
    }  # fmt: skip
    message.usage_metadata = usage
    found = reply_attributes(LLMResult(generations=[[ChatGeneration(message=message)]]))
    assert found == {
        "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.audio.input_tokens": 1, "gen_ai.usage.text.input_tokens": 2,
        "gen_ai.usage.image.input_tokens": 3, "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.cache_write.input_tokens": 25, "gen_ai.usage.audio.output_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 30,
    }  # fmt: skip


def test_usage_is_never_guessed() -> None:
    message = AIMessage("x" * 1000)
    found = reply_attributes(LLMResult(generations=[[ChatGeneration(message=message)]]))
    assert found == {}
    assert reply_attributes(LLMResult(generations=[])) == {}


def test_two_candidates_share_one_usage() -> None:
    def candidate(reason: str) -> ChatGeneration:
        usage: Any = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        message = AIMessage("x", usage_metadata=usage, response_metadata={"finish_reason": reason})
        return ChatGeneration(message=message)

    found = reply_attributes(LLMResult(generations=[[candidate("STOP"), candidate("tool_use")]]))
    assert found["gen_ai.response.finish_reasons"] == ("stop", "tool_call")
    assert found["gen_ai.usage.output_tokens"] == 4


def test_the_usage_of_older_models() -> None:
    result = LLMResult(
        generations=[[Generation(text="x", generation_info={"finish_reason": "length"})]],
        llm_output={
            "token_usage": {"prompt_tokens": 1, "completion_tokens": 2},
            "model_name": "old",
        },
    )
    assert reply_attributes(result) == {
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.response.model": "old",
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.output_tokens": 2,
    }


@pytest.mark.parametrize(
    ("said", "recorded"),
    [("end_turn", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"),
     ("tool_calls", "tool_call"), ("Novel", "novel")],
)  # fmt: skip
def test_finish_reasons(said: str, recorded: str) -> None:
    assert finish_reason(said) == recorded


def test_an_unknown_model_still_has_a_span(telemetry: Any, echo: Any) -> None:
    echo(model_name="").invoke("x", telemetry.config)
    assert telemetry.chat.name == "chat"
    assert "gen_ai.request.model" not in telemetry.chat.attributes


def test_a_call_overrides_the_model(telemetry: Any, echo: Any) -> None:
    config = telemetry.config | {"metadata": {"thread_id": 7}}
    echo().invoke("x", config, model="other", temperature=0.5, stop=["y"], max_tokens=9)
    assert telemetry.chat.name == "chat other"
    attributes = telemetry.chat.attributes
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.request.stop_sequences"] == ("y",)
    assert attributes["gen_ai.request.max_tokens"] == 9
    assert attributes["gen_ai.conversation.id"] == "7"


def test_tags_and_metadata_only_by_permission(telemetry: Any, echo: Any) -> None:
    config = {"tags": ["blue", "red"], "metadata": {"team": "birds", "api_key": "s", "x": 1}}
    echo().invoke("x", telemetry.config | config)
    handler = OpenTelemetryCallbackHandler(
        telemetry.provider, metadata_keys=["team", "api_key"], tags=["red"]
    )
    echo().invoke("x", config | {"callbacks": [handler]})
    first, second = (
        {
            name: value
            for name, value in span.attributes.items()
            if name.startswith(("langchain.metadata", "langchain.tags"))
        }
        for span in telemetry.chats
    )
    assert first == {}
    assert second == {"langchain.metadata.team": "birds", "langchain.tags": ("red",)}


def test_a_plain_language_model(telemetry: Any) -> None:
    class Plain(LLM):
        @property
        def _llm_type(self) -> str:
            return "plain"

        def _call(self, prompt: str, *args: Any, **kwargs: Any) -> str:
            return "ab"

        def _stream(self, prompt: str, *args: Any, **kwargs: Any) -> Iterator[GenerationChunk]:
            for letter in "ab":
                chunk = GenerationChunk(text=letter)
                kwargs["run_manager"].on_llm_new_token(letter, chunk=chunk)
                yield chunk

    model = Plain()
    model.invoke("x", telemetry.config)
    list(model.stream("x", telemetry.config))
    assert {span.name for span in telemetry.spans} == {"text_completion"}
    assert telemetry.spans[1].attributes["gen_ai.request.stream"] is True


async def test_tools_and_retrievers(telemetry: Any, echo: Any) -> None:
    class Library(BaseRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> Any:
            return []

    @tool
    def shout(text: str) -> str:
        """Make it loud."""
        echo().invoke(text)
        return text.upper()

    def step(text: str) -> str:
        Library().invoke(text)
        return str(shout.invoke({"name": "shout", "args": {"text": text}, "id": "7",
                                 "type": "tool_call"}))  # fmt: skip

    chain = RunnableLambda(step).with_config(run_name="birdsong")
    await chain.ainvoke("x", telemetry.config)
    names = {span.name: span for span in telemetry.spans}
    assert set(names) == {"invoke_workflow birdsong", "execute_tool shout", "retrieval",
                          "chat echo-1"}  # fmt: skip
    root = names["invoke_workflow birdsong"]
    assert names["retrieval"].parent.span_id == root.context.span_id
    assert names["retrieval"].kind is SpanKind.CLIENT
    assert names["execute_tool shout"].parent.span_id == root.context.span_id
    assert names["chat echo-1"].parent.span_id == names["execute_tool shout"].context.span_id
    # Older versions of langchain-core don't hand the id over: then it is the run's.
    identity = str(names["execute_tool shout"].attributes["gen_ai.tool.call.id"])
    assert identity == "7" or (not HAS_V3 and len(identity) == 36)


def test_samplers_see_operation_provider_and_model(make_telemetry: Any, echo: Any) -> None:
    seen: list[Any] = []

    class Curious(Sampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            seen.append(dict(args[4] or {}))
            return SamplingResult(Decision.DROP)

        def get_description(self) -> str:
            return "curious"

    telemetry = make_telemetry(provider=TracerProvider(sampler=Curious(), shutdown_on_exit=False))
    echo(before=telemetry.client_span).invoke("x", telemetry.config)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "parrot",
        "gen_ai.request.model": "echo-1",
    }
    assert seen[0].items() >= expected.items()
    seen.clear()  # below a span that isn't sampled, too
    outer = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))
    with trace.use_span(outer):
        echo().invoke("x", telemetry.config)
    assert seen[-1].items() >= expected.items()
    assert telemetry.spans == []
    assert telemetry.handler.open_runs == 0


def test_the_endpoint_a_model_was_made_with_is_the_server() -> None:
    made_with = {
        "openai_api_base": "http://user:secret@127.0.0.1:8080/v1",
        "openai_api_key": {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]},
    }
    found = request_attributes({}, {}, {}, made_with)
    assert found == {"server.address": "127.0.0.1", "server.port": 8080}
    # What the call itself says goes first.
    found = request_attributes({"base_url": "https://a.example/v1"}, {}, {}, made_with)
    assert found["server.address"] == "a.example"


KEYS = st.sampled_from(
    ["_type", "api_key", "base_url", "cache_read", "effort", "endpoint", "finish_reason", "id",
     "input_token_details", "input_tokens", "ls_max_tokens", "ls_model_name", "ls_provider",
     "ls_stop", "ls_temperature", "max_tokens", "modalities", "model", "model_name", "n", "name",
     "output_token_details", "output_tokens", "previous_response_id", "reasoning",
     "reasoning_effort", "response_format", "seed", "stop", "temperature", "thread_id",
     "token_usage", "top_k", "total_cost", "type"]
)  # fmt: skip
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**70) | st.floats()
    | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
MAPPINGS = st.dictionaries(KEYS | st.text(max_size=5), ODD, max_size=6)


def assert_recordable(found: Mapping[str, Any]) -> None:
    """Every value is one that OpenTelemetry takes, and OTLP has room for."""
    for value in found.values():
        assert isinstance(value, bool | int | float | str | list | tuple)
        if isinstance(value, list | tuple):
            assert all(isinstance(item, str) for item in value)
        if isinstance(value, int):
            assert -(2**63) <= value < 2**63


@settings(max_examples=50)
@given(MAPPINGS, MAPPINGS, MAPPINGS, MAPPINGS)
@example({}, {"stop": True}, {}, {})
def test_whatever_was_asked_for_can_be_recorded(
    params: Any, options: Any, metadata: Any, made_with: Any
) -> None:
    assert_recordable(request_attributes(params, options, metadata, made_with))
    assert_recordable(identifying_params(params, options))
    assert_recordable(allowed_context(None, metadata, (), metadata))
    assert isinstance(model_name(params, metadata), str)
    assert provider_name(params, metadata)


@settings(max_examples=50)
@given(MAPPINGS, MAPPINGS, MAPPINGS, MAPPINGS)
@example({}, {}, {}, {"input_token_details": 1, "output_tokens": 2**70})
def test_whatever_was_answered_can_be_recorded(
    info: Any, metadata: Any, output: Any, usage: Any
) -> None:
    message = AIMessage("x")
    # As providers' packages do it: nothing is validated after a message is made.
    message.response_metadata, message.usage_metadata = metadata, usage
    reply = ChatGeneration(message=message, generation_info=info)
    found = reply_attributes(LLMResult(generations=[[reply]], llm_output=output))
    assert_recordable(found)
    assert found.get("gen_ai.usage.input_tokens", 0) >= 0  # type: ignore[operator]


@settings(max_examples=50)
@given(st.none() | MAPPINGS, MAPPINGS, st.none() | MAPPINGS, ODD)
def test_whatever_else_runs_can_be_recorded(
    serialized: Any, arguments: Any, metadata: Any, run_name: object
) -> None:
    spans = [
        chain_span(serialized, run_name, agent_name(metadata)),
        tool_span(serialized, arguments, metadata, UUID(int=1), str),
        retriever_span(metadata),
    ]
    for span in spans:
        assert_recordable(span.attributes)
        # A span is named after its operation, as the conventions have it.
        assert span.name.split(" ")[0] == span.attributes["gen_ai.operation.name"]


@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5}){0,2}", fullmatch=True),
    st.integers(1, 65535), st.sampled_from(["http", "https", "grpc"]),
    st.text(alphabet="abc/._-", max_size=10),
)  # fmt: skip
def test_a_server_is_its_host_and_port(host: str, port: int, scheme: str, path: str) -> None:
    found = server_attributes(f"{scheme}://user:secret@{host}:{port}/{path}?key=secret")
    assert found == {"server.address": host, "server.port": port}
    assert server_attributes(f"{host}:{port}") == found


@given(st.text())
def test_a_provider_has_one_name(name: str) -> None:
    once = provider_name({}, {"ls_provider": name})
    assert provider_name({}, {"ls_provider": once}) == once == once.strip().lower()
    assert finish_reason(finish_reason(name)) == finish_reason(name)
