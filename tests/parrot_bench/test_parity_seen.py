"""What the parity study sees of replies, errors and loops: properties of its pure functions."""

import json
from itertools import accumulate
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk

from parrot_bench.content import of_message
from parrot_bench.studies.parity import cachekey
from parrot_bench.studies.parity.asking import goes_on, repeats, stop_sequence
from parrot_bench.studies.parity.hearing import carries_content, has_content
from parrot_bench.studies.parity.kinds import KINDS
from parrot_bench.studies.parity.seen import digest, see
from parrot_bench.studies.parity.turning import ROUGH_STALL_NS, STALL_NS, Beat, turned

TEXTS = st.text(max_size=20) | st.sampled_from(["stop", "stopstop", "a\0b", "", "\ud800"])
PARTS = st.lists(TEXTS, max_size=4)

# -- seen ---------------------------------------------------------------------------------


@given(PARTS, PARTS)
def test_digests_are_equal_where_the_texts_are_and_nowhere_else(
    one: list[str], other: list[str]
) -> None:
    assert digest(*one) == digest(*one)
    assert (digest(*one) == digest(*other)) == (one == other)


@given(TEXTS, st.integers(1, 5))
def test_where_texts_are_cut_changes_their_digest(text: str, at: int) -> None:
    assume(len(text) > at)
    assert digest(text[:at], text[at:]) != digest(text)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


def called(arguments: list[dict[str, Any]], text: str = "") -> AIMessage:
    calls = [{"name": "f", "args": each, "id": None} for each in arguments]
    return AIMessage(text, tool_calls=calls)


@settings(max_examples=60)
@given(st.lists(ARGUMENTS, max_size=2), st.data())
def test_arguments_of_a_tool_are_compared_in_whatever_order_they_came(
    arguments: list[dict[str, Any]], data: st.DataObject
) -> None:
    turned_round = [dict(data.draw(st.permutations(list(each.items())))) for each in arguments]
    one, other = see(called(arguments)), see(called(turned_round))
    assert one == other
    assert one.tool_calls == len(arguments)


@settings(max_examples=60)
@given(st.lists(ARGUMENTS, max_size=2), st.lists(ARGUMENTS, max_size=2), TEXTS, TEXTS)
def test_replies_are_alike_only_where_text_and_tool_calls_are(
    one: list[dict[str, Any]], other: list[dict[str, Any]], text: str, another: str
) -> None:
    def plain(arguments: list[dict[str, Any]]) -> str:
        # True is 1 and 1.0 is 1 to Python; not to whoever takes the JSON.
        return json.dumps(arguments, default=repr)

    assume(plain(one) != plain(other) or text != another)
    alike = see(called(one, text)).digest == see(called(other, another)).digest
    if alike:  # only the order of keys, or an integer for a key, may have been another
        assert text == another
        assert [set(map(str, each)) for each in one] == [set(map(str, each)) for each in other]


@given(st.text("ab", min_size=1, max_size=6), st.integers(1, 4))
def test_a_text_repeats_what_it_is_copies_of_and_nothing_else(text: str, times: int) -> None:
    joined = text * times
    seen = see(AIMessage("", response_metadata={"finish_reason": joined}))
    assert seen.texts == {"finish_reason": digest(joined)}
    # Nothing is a copy of itself: that would be said of every reply.
    parts = {joined[:n] for n in range(1, len(joined))}
    copied = {part for part in parts if joined in {part * k for k in range(2, 25)}}
    assert seen.repeats["finish_reason"] == {digest(part) for part in copied}


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_no_text_leaves_by_what_is_seen_of_a_reply(metadata: dict[str, Any]) -> None:
    secret = "the owl flies at midnight"
    said = {**metadata, "finish_reason": secret, "note": secret}
    seen = see(AIMessage(secret, response_metadata=said, additional_kwargs={"why": secret}))
    assert secret not in repr(seen)
    assert (seen.characters, seen.words) == (25, 5)
    empty = {key for key, value in said.items() if value is None or value in ("", [], {})}
    assert seen.metadata == said.keys() - empty


# -- asking -------------------------------------------------------------------------------

REPLIES = st.text("ab c.\n", max_size=30)


@given(REPLIES, st.text("ab c", min_size=1, max_size=3))
def test_a_reply_that_is_cut_at_its_stop_never_goes_on(text: str, stop: str) -> None:
    assert goes_on(text, stop) == bool("".join(text.split(stop, 1)[1:]).strip())
    before = text.partition(stop)[0]
    assert not goes_on(before, stop)
    # A provider may leave the sequence itself.
    assert stop not in text or not goes_on(before + stop, stop)


@given(st.lists(REPLIES, max_size=4), st.booleans())
def test_a_stop_sequence_cuts_a_reply_that_was_seen(texts: list[str], alike: bool) -> None:
    stop = stop_sequence(texts, alike=alike)
    if stop:
        cut = [text for text in texts if goes_on(text, stop)]
        assert cut
        assert not stop.isspace()
        if alike:
            assert texts[0] in cut
            assert texts[0].partition(stop)[0]  # something is left of the reply
        else:
            most = [sum(goes_on(t, c) for t in texts) for c in set("".join(texts)) if c.strip()]
            assert len(cut) == max(most)


@given(st.text(min_size=1, max_size=60), st.text(max_size=9), st.text(max_size=9))
def test_a_line_with_a_text_in_it_repeats_it(text: str, before: str, after: str) -> None:
    words = " ".join(text.split())
    assume(words)
    assert repeats(before + words + after, [text])
    assert repeats(before + words[-12:] + after, ["", text])
    assert not repeats("", [text])


# -- hearing ------------------------------------------------------------------------------

BLOCKS = st.lists(
    TEXTS
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "reasoning", "thinking", "image"])},
        optional={key: TEXTS | st.none() for key in ("text", "reasoning", "thinking")},
    ),
    max_size=3,
)


@given(BLOCKS | TEXTS)
def test_a_chunk_has_content_in_whatever_a_mode_wraps_it(content: Any) -> None:
    chunk = AIMessageChunk(content)
    found = has_content(chunk)
    assert carries_content(chunk) == found
    event = {"event": "on_chat_model_stream", "data": {"chunk": chunk}}
    assert carries_content(event) == found
    assert carries_content({**event, "event": "on_chat_model_end"}) == 0
    if isinstance(content, str):
        assert found == bool(content) == of_message(chunk)
    assert not any(isinstance(block, str) and block for block in content) or found


# -- turning ------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.integers(0, 60_000_000), st.floats(0, 1), st.floats(0, 1)), max_size=12
)


def beats(steps: list[tuple[int, float, float]], *, queued: bool) -> list[Beat]:
    """Beats of a thread that ran, waited for a processor, and slept the rest."""
    walls = [0, *accumulate(wall for wall, _, _ in steps)]
    ran = [0, *accumulate(int(wall * share) for wall, share, _ in steps)]
    waited = [0, *accumulate(int((w - int(w * s)) * part) for w, s, part in steps)]
    return [
        Beat(wall, cpu, wait if queued else None)
        for wall, cpu, wait in zip(walls, ran, waited, strict=True)
    ]


@given(STEPS, st.booleans())
def test_a_loop_is_blocked_no_longer_than_its_thread_slept(
    steps: list[tuple[int, float, float]], queued: bool
) -> None:
    made = beats(steps, queued=queued)
    found = turned(made)
    assert found is not None
    assert found.wall_ns == sum(wall for wall, _, _ in steps)
    assert 0 <= found.longest_ns <= found.blocked_ns <= found.wall_ns
    least = STALL_NS if queued else ROUGH_STALL_NS
    assert found.longest_ns == 0 or found.longest_ns >= least
    # Clocks may begin anywhere.
    later = [Beat(b.wall + 7, b.cpu + 5, None if b.queued is None else b.queued + 3) for b in made]
    assert turned(later) == found


@given(STEPS)
def test_what_is_known_to_have_waited_for_a_processor_is_never_a_stall(
    steps: list[tuple[int, float, float]],
) -> None:
    busy = turned(beats([(wall, share, 1.0) for wall, share, _ in steps], queued=True))
    assert busy is not None
    assert busy.blocked_ns == 0


# -- the cache key ------------------------------------------------------------------------

NAMES = st.sampled_from([*cachekey.NAMED, "timeout", "api_key", "base_url", "prefix", "size"])


@given(NAMES, VALUES)
def test_a_parameter_is_changed_into_another_of_its_kind_or_not_at_all(
    name: str, value: Any
) -> None:
    changed = cachekey._changed(name, value)
    if changed is cachekey._UNKNOWN:
        return
    assert name not in {"timeout", "api_key", "base_url"}
    assert value is None or type(changed) is type(value)
    assert changed != value or abs(value) > 2**52  # a float so large has no neighbour


def test_a_copy_for_the_cache_key_leaves_the_model_as_it_was() -> None:
    model = FakeListChatModel(responses=["a", "b"])
    before = dict(vars(model))
    assert all(vars(other) != before for _, other in cachekey.missed(model))
    assert vars(model) == before


def test_advice_has_room_for_what_is_added_in_those_kinds_alone() -> None:
    assert {k.identifier for k in KINDS.values() if k.advice.format("\0") != k.advice} == {
        "streaming-absent", "async-fallback",
    }  # fmt: skip
