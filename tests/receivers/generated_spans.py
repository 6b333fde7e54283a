"""Files of GenAI spans of any size, the same bytes every time, with the totals that are in them.

A trace is an agent's: its own span, two calls of a model and one of a tool. Each span has fifteen
attributes and 1.3 kB, which is what instrumentations write with content capture off.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

MODELS = ("gpt-4.1", "gpt-4.1-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "mistral-large")
ERRORS = ("RateLimitError", "TimeoutError", "APIConnectionError")
SPANS_OF_A_TRACE = 4
START_NS = 1_795_500_000_000_000_000
PER_LINE = 512

_CHAT = (
    '{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","flags":257,"name":"chat %s",'
    '"kind":3,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":['
    '{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},'
    '{"key":"gen_ai.provider.name","value":{"stringValue":"openai"}},'
    '{"key":"gen_ai.request.model","value":{"stringValue":"%s"}},'
    '{"key":"gen_ai.response.model","value":{"stringValue":"%s"}},'
    '{"key":"gen_ai.response.id","value":{"stringValue":"chatcmpl-%024x"}},'
    '{"key":"gen_ai.request.temperature","value":{"doubleValue":0.7}},'
    '{"key":"gen_ai.request.max_tokens","value":{"intValue":"1024"}},'
    '{"key":"gen_ai.usage.input_tokens","value":{"intValue":"%d"}},'
    '{"key":"gen_ai.usage.output_tokens","value":{"intValue":"%d"}},'
    '{"key":"gen_ai.usage.cache_read.input_tokens","value":{"intValue":"%d"}},'
    '{"key":"gen_ai.usage.reasoning.output_tokens","value":{"intValue":"%d"}},'
    '{"key":"gen_ai.response.time_to_first_chunk","value":{"doubleValue":%.6f}},'
    '{"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":['
    '{"stringValue":"stop"}]}}},'
    '{"key":"server.address","value":{"stringValue":"api.example.com"}},'
    '{"key":"langchain.identifying_params.temperature","value":{"doubleValue":0.7}}%s'
)
_FAILED = (
    '],"status":{"code":2,"message":"the provider did not answer in time"},"events":[{'
    '"timeUnixNano":"%d","name":"exception","attributes":['
    '{"key":"exception.type","value":{"stringValue":"%s"}}]}]}'
)
_OTHER = (
    '{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","flags":257,"name":"%s",'
    '"kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":['
    '{"key":"gen_ai.operation.name","value":{"stringValue":"%s"}},'
    '{"key":"gen_ai.conversation.id","value":{"stringValue":"conversation-%016x"}},'
    + ",".join(
        f'{{"key":"app.setting_{number}","value":{{"stringValue":"{"a setting" * 3} {number}"}}}}'
        for number in range(13)
    )
    + '],"status":{}}'
)
_HEAD = (
    '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":'
    '{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"app","version":"1"},"spans":['
)
_TAIL = "]}]}]}\n"


@dataclass
class Totals:
    """What is in a file, summed up while it was written."""

    spans: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


def write_spans(path: Path, spans: int, per_line: int = PER_LINE) -> Totals:
    """Write a file of OTLP/JSON lines, and return what is in it."""
    totals = Totals()
    with path.open("w", encoding="ascii") as file:
        for first in range(0, spans, per_line):
            line = [_span(number, totals) for number in range(first, min(spans, first + per_line))]
            file.write(f"{_HEAD}{','.join(line)}{_TAIL}")
    return totals


def _span(number: int, totals: Totals) -> str:
    totals.spans += 1
    trace, place = divmod(number, SPANS_OF_A_TRACE)
    # Knuth's multiplicative hash: as good as random here, and it costs nothing.
    luck = (number + 1) * 2_654_435_761 % 2**32
    root = trace * SPANS_OF_A_TRACE + 1
    begun = START_NS + trace * 20_000_000
    if place == 0:
        name, end = "invoke_agent cook", begun + 3_000_000_000
        return _OTHER % (trace + 1, root, "", name, begun, end, "invoke_agent", trace)
    if place == 3:
        start = begun + 2_000_000_000
        end = start + luck % 90_000_000
        parent = f"{root:016x}"
        name = "execute_tool search"
        return _OTHER % (trace + 1, number + 1, parent, name, start, end, "execute_tool", trace)
    model = MODELS[luck % 1_000 % len(MODELS)]
    start = begun + place * 50_000_000
    # A long tail: few calls take ten times the time of most.
    took = 200_000_000 + luck % 100_000 * (luck // 7 % 1_000) ** 2 // 60
    prompt, reply = 200 + luck % 3_000, 20 + luck % 700
    cached, reasoning = prompt // 2, reply // 3
    totals.calls[model] += 1
    totals.input_tokens += prompt
    totals.output_tokens += reply
    totals.cached_tokens += cached
    totals.reasoning_tokens += reasoning
    failed = '],"status":{}}'
    if luck % 97 == 0:
        error = ERRORS[luck % 89 % len(ERRORS)]
        totals.failed[model] += 1
        totals.errors[error] += 1
        failed = _FAILED % (start + took, error)
    return _CHAT % (
        trace + 1, number + 1, root, model, start, start + took, model, model, number, prompt,
        reply, cached, reasoning, took * 0.2e-9, failed,
    )  # fmt: skip
