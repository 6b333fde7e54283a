"""Where spans stand, found again in any forest of them; and judged, whatever they say."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode

from parrot_callbacks.conformance.expectations import CHECKS, Call
from parrot_callbacks.conformance.judging import _calls, _ended
from parrot_callbacks.conformance.spans import (
    CLIENT_SCOPE,
    USER_SCOPE,
    Tree,
    id_of,
    id_of_span,
    is_chat,
    is_of_handler,
)

ABROAD = 999
"""Id of a span that is of no cell."""
CHAT = {"gen_ai.operation.name": "chat"}


@dataclass(frozen=True)
class Made:
    """A span to be made: its parent is one made before it, one from abroad, or none."""

    parent: int
    scope: str
    chat: bool
    exceptions: int
    name: str
    end: int | None


MADE = st.builds(
    Made,
    parent=st.integers(-2, 6),
    scope=st.sampled_from(["handler", "handler", "handler", USER_SCOPE, CLIENT_SCOPE]),
    chat=st.sampled_from([True, True, False]),
    exceptions=st.integers(0, 2),
    name=st.sampled_from(["before", "between", "x"]),
    end=st.none() | st.integers(50, 200),
)
FORESTS = st.lists(MADE, max_size=3) | st.lists(MADE, min_size=5, max_size=10)


def context(number: int, trace: int = 1) -> SpanContext:
    return SpanContext(trace_id=trace, span_id=number, is_remote=False)


def parent_of(number: int, made: Sequence[Made]) -> int:
    """Place of a span's parent; -1 if it is from abroad, -2 if there is none."""
    return min(made[number].parent, number - 1) if number else min(made[0].parent, -1)


def spans_of(made: Sequence[Made], **attributes: Any) -> list[ReadableSpan]:
    spans = []
    for number, each in enumerate(made):
        parent = parent_of(number, made)
        above = None if parent == -2 else context(ABROAD if parent == -1 else parent + 1)
        spans.append(
            ReadableSpan(
                name=each.name,
                context=context(number + 1),
                parent=above,
                attributes={**CHAT, **attributes} if each.chat else {},
                events=[Event("exception")] * each.exceptions,
                instrumentation_scope=InstrumentationScope(each.scope),
                status=Status(StatusCode.ERROR if each.exceptions else StatusCode.UNSET),
                start_time=number,
                end_time=each.end,
            )
        )
    return spans


@settings(max_examples=80)
@given(FORESTS, st.lists(st.integers(1, 10), max_size=5), st.randoms())
def test_a_call_is_found_where_it_stands(
    made: list[Made], logged: list[int], order: Random
) -> None:
    spans = spans_of(made)
    order.shuffle(spans)
    tree = Tree(spans, logged)
    found = {id_of_span(chat.span): chat for chat in tree.chats}
    assert len(found) == len(tree.chats)
    calls = {n for n, each in enumerate(made) if each.chat and each.scope == "handler"}
    assert {number + 1 for number in calls} == found.keys()
    assert len(tree.of_handler) == len(tree.others_of_handler) + len(tree.chats)
    assert Counter(map(is_of_handler, spans))[True] == len(tree.of_handler)
    for number in calls:
        chat = found[number + 1]
        # One step at a time, by hand.
        way = [number]
        while (up := parent_of(way[-1], made)) >= 0:
            way.append(up)
        assert [id_of_span(span) - 1 for span in tree.path(chat.span)] == way[1:]
        assert chat.inside == any(one in calls for one in way[1:])
        ours = 0
        while ours + 1 < len(way) and made[way[ours + 1]].scope == "handler":
            ours += 1
        assert chat.root == (way[ours] + 1 if ours else 0)
        above = parent_of(way[ours], made)
        assert id_of(chat.above) == {-2: 0, -1: ABROAD}.get(above, above + 1)
        below = [n for n in range(len(made)) if parent_of(n, made) == number]
        clients = [made[n].name for n in below if made[n].scope == CLIENT_SCOPE]
        assert chat.clients == tuple(sorted(clients))
        assert chat.exceptions == made[number].exceptions + logged.count(number + 1)
        assert not chat.flaw


@settings(max_examples=80)
@given(FORESTS.filter(bool), st.data())
def test_what_is_wrong_on_the_way_up_is_told_of_the_calls_below(
    made: list[Made], data: st.DataObject
) -> None:
    spans = spans_of(made)
    strange = data.draw(st.integers(0, len(made) - 1))
    old = spans[strange]
    spans[strange] = ReadableSpan(
        name=old.name, context=context(strange + 1, trace=2), parent=old.parent,
        attributes=old.attributes, instrumentation_scope=old.instrumentation_scope,
        start_time=old.start_time, end_time=old.end_time,
    )  # fmt: skip
    for chat in Tree(spans).chats:
        ours = [id_of_span(chat.span) - 1]
        while (up := parent_of(ours[-1], made)) >= 0 and made[up].scope == "handler":
            ours.append(up)
        assert bool(chat.flaw) == (strange in ours and parent_of(strange, made) != -2)


ANYTHING = st.sampled_from([None, True, 5, -1, 0.5, math.nan, "stop", "", (), ("stop",), (1, 2)])
SAID = st.dictionaries(
    st.sampled_from([
        "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
        "gen_ai.response.finish_reasons", "gen_ai.request.temperature", "gen_ai.request.stream",
        "gen_ai.response.time_to_first_chunk", "error.type",
    ]),
    ANYTHING,
    min_size=3,
)  # fmt: skip
CALLS = st.lists(
    st.builds(
        Call,
        above=st.sampled_from([None, context(1), context(ABROAD)]),
        outcome=st.sampled_from(["completed", "failed", "stopped"]),
        streamed=st.booleans(),
        inside=st.booleans(),
        clients=st.sampled_from([(), ("before",), ("before", "between")]),
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(FORESTS, SAID, CALLS, st.none() | st.integers(0, 2), st.randoms())
def test_any_spans_are_judged_and_alike_in_any_order(
    made: list[Made], said: dict[str, Any], calls: list[Call], roots: int | None, order: Random
) -> None:
    spans = spans_of(made, **said)
    asked = list(calls)

    def failed() -> set[str]:
        tree = Tree(spans)
        found = [*_ended(tree), *_calls(asked, roots, tree)]
        assert {check for check, _ in found} <= CHECKS.keys()
        return {check for check, message in found if message}

    before = failed()
    order.shuffle(spans)
    order.shuffle(asked)
    assert failed() == before
    assert ("one span" in before) == (len(calls) != sum(map(is_chat, spans)))
    still_open = [each for each in made if each.end is None and each.scope == "handler"]
    assert ("ended" in before) == bool(still_open)
