"""The parity study: each kind of finding from a model that is wrong in one thing, and no other."""

from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import (
    FakeListChatModel,
    GenericFakeChatModel,
    ParrotFakeChatModel,
)
from langchain_core.messages import AIMessage
from pydantic import TypeAdapter

import parrot_bench
from parrot_bench.errors import MeasurementError
from parrot_bench.events import Described, Observed, Reply, StudyBegun, StudyEnded
from parrot_bench.loading import adopt, load_model
from parrot_bench.measuring import Job, measure
from parrot_bench.mode_table import select_modes
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.record import ParityResult, read_record
from parrot_bench.request import Request
from parrot_bench.samples import Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.parity.asking import goes_on, repeats, stop_sequence
from parrot_bench.studies.parity.judging import conclude
from parrot_bench.studies.parity.kinds import CHECKS, KINDS
from parrot_bench.studies.parity.seen import Observation
from parrot_bench.studies.parity.turning import Beat, turned

MODELS = Path(__file__).parent / "models" / "parity.py"

ASYNC = {"ainvoke", "ainvoke_gather", "abatch", "abatch_as_completed"}
ASYNC_STREAMS = {"astream", "astream_events_v2", "astream_events_v3"}
SYNC_STREAMS = {"stream", "stream_events_v3"}
WHOLE = {"invoke", "batch", "batch_as_completed"}
EVERY = WHOLE | SYNC_STREAMS | ASYNC | ASYNC_STREAMS
PARROT = AsyncChatParrotLink(parrot_buffer_length=3)
INSTALLED = {mode.name for mode in select_modes() if not mode.unavailable(PARROT)}
"""Modes that this langchain-core has: the lowest has no v3 events."""


def checked(
    model: str | BaseChatModel | Callable[[], BaseChatModel],
    replies: Callable[[Gathered], Reply] = lambda _: Reply.GO,
    **changes: Any,
) -> ParityResult:
    """The study of one model, asked and concluded in this process."""
    loaded = load_model(f"{MODELS}:{model}") if isinstance(model, str) else adopt(model)
    request = Request(studies=("parity",), seed=1, **changes)
    job = Job(request=request, modes=request.modes, traced=False)
    described: Described | None = None
    gathered: Gathered | None = None
    measurement = measure(job, loaded)
    event = next(measurement)
    while True:
        reply = Reply.GO
        if isinstance(event, Described):
            described = event
        elif isinstance(event, StudyBegun):
            assert described is not None
            gathered = Gathered(
                study="parity", request=request, described=described, limit_s=60,
                samples=Samples("parity"),
            )  # fmt: skip
        elif isinstance(event, Observed):
            assert gathered is not None
            gathered.observed.append(event.what)
            reply = replies(gathered)
        elif isinstance(event, StudyEnded):
            assert not event.left_out
        try:
            event = measurement.send(reply)
        except StopIteration:
            break
    assert gathered is not None
    result = conclude(gathered)
    assert result is not None
    return result


def here(expected: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is expected of the modes that are installed."""
    return {
        name: modes & INSTALLED
        for name, modes in expected.items()
        if not modes or modes & INSTALLED
    }


def found(result: ParityResult) -> dict[str, set[str]]:
    """Modes by identifier."""
    modes: dict[str, set[str]] = {}
    for finding in result.findings:
        modes.setdefault(finding.identifier, set()).update(finding.modes)
    return modes


# -- models that are right ---------------------------------------------------------------


@pytest.mark.parametrize("model", ["good", "good_waiting", "Prints", "Inner", "ConstructedKey"])
def test_nothing_is_found_in_a_good_model(model: str) -> None:
    result = checked(model)
    assert result.findings == ()
    assert result.not_checked == {}
    assert {mode.mode for mode in result.modes} == EVERY & INSTALLED
    assert {o for m in result.modes for o in m.outcomes.values()} == {"ok", "does not apply"}


def test_deprecated_modes_are_checked_like_the_others() -> None:
    result = checked("good", modes=("astream_events_v1", "astream_log"))
    assert result.findings == ()
    assert {mode.outcomes["streaming"] for mode in result.modes} == {"ok", "does not apply"}


def test_a_fallback_is_noted_and_no_defect() -> None:
    result = checked("good_sync")
    assert found(result) == here({"async-fallback": ASYNC | ASYNC_STREAMS})
    (note,) = result.notes
    assert note.advice == "write _agenerate and _astream"


def test_what_is_true_of_langchains_fakes() -> None:
    everywhere = {"stop-ignored": EVERY, "usage-absent": EVERY, "tracing-identity": set()}
    # Not a generator: threads that ask one at the same time find it executing already.
    messages = map(AIMessage, repeat("hello there my good friend"))
    result = checked(lambda: GenericFakeChatModel(messages=messages))
    assert found(result) == here(
        {
            **everywhere,
            "async-fallback": ASYNC | ASYNC_STREAMS,
            "tokens-beside-events": {"stream_events_v3", "astream_events_v3"},
        }
    )
    result = checked(FakeListChatModel(responses=["hello there my good friend"]))
    assert found(result) == here({**everywhere, "async-fallback": ASYNC})
    result = checked(FakeListChatModel(responses=["hello there", "my good friend", "good bye"]))
    assert found(result) == here({**everywhere, "async-fallback": ASYNC})
    assert "cannot be compared" in result.not_checked["content"]


def test_a_model_of_langchains_that_answers_as_a_human() -> None:
    result = checked(ParrotFakeChatModel())
    (human,) = (f for f in result.defects if f.identifier == "reply-type")
    assert human.seen == "answers with HumanMessage"
    assert found(result).keys() == {
        "reply-type", "stop-ignored", "usage-absent", "streaming-absent", "async-fallback",
        "tracing-identity",
    }  # fmt: skip


# -- models that are wrong in one thing --------------------------------------------------

BATCHES_BY_ABATCH = {"abatch", "abatch_as_completed", "ainvoke", "ainvoke_gather"}

WRONG: list[tuple[str, dict[str, set[str]], str]] = [
    (
        "AstreamRaises",
        {"mode-raises": ASYNC_STREAMS},
        "ValueError: the stream is closed",
    ),
    ("RefusesArguments", {"argument-raises": SYNC_STREAMS}, "with max_tokens: TypeError"),
    ("StreamsNothing", {"reply-missing": {"stream"}}, "no reply"),
    (
        "AnswersAsHuman",
        {"reply-type": WHOLE, "usage-missing": WHOLE, "metadata-missing": WHOLE},
        "answers with HumanMessage",
    ),
    ("OtherContent", {"content-differs": ASYNC}, "of the same length"),
    ("LosesAChunk", {"chunks-do-not-add-up": SYNC_STREAMS}, "18 characters where invoke gives 20"),
    ("NoUsageInStreams", {"usage-missing": SYNC_STREAMS}, "though invoke has it"),
    (
        "UsageTwice",
        {"usage-differs": ASYNC_STREAMS},
        "512 in, 40 out, 552 in all; invoke: 256 in, 20 out, 276 in all",
    ),
    (
        "Bare",
        {
            "usage-absent": EVERY - {"stream_events_v3", "astream_events_v3"},
            "streaming-absent": {"stream", "astream", "astream_events_v2"},
            "async-fallback": ASYNC | {"astream", "astream_events_v2"},
            "tracing-identity": set(),
        },
        "no usage_metadata",
    ),
    ("MetadataTwice", {"metadata-doubled": {"stream"}}, "model_name: that of invoke"),
    ("NoFinishReason", {"metadata-missing": SYNC_STREAMS}, "the finish reason is missing"),
    (
        "MoreMetadata",
        {"metadata-differs": EVERY - WHOLE},
        "response_metadata without region",
    ),
    ("OwnId", {"id-differs": EVERY - WHOLE}, "the id is LangChain's, in invoke the model's own"),
    (
        "PastCallbacks",
        {"callbacks-missing": WHOLE, "id-differs": EVERY - WHOLE},
        "0 starts and 0 ends of 1 call",
    ),
    ("InvokesTwice", {"callbacks-twice": ASYNC}, "2 starts and 2 ends of 1 call"),
    ("StreamsByInvoking", {"tokens-missing": {"stream"}}, "0 tokens of 20 chunks"),
    ("TellsTokensTwice", {"tokens-twice": {"stream"}}, "40 tokens of 20 chunks"),
    (
        "TellsTokensItself",
        {"tokens-beside-events": {"stream_events_v3"}},
        "20 tokens beside",
    ),
    ("StreamIgnoresStop", {"stop-ignored": SYNC_STREAMS}, "goes on after a stop sequence"),
    ("IgnoresMaxTokens", {"max-tokens-ignored": ASYNC}, "20 output tokens with max_tokens=10"),
    ("BatchLoses", {"batch-loses": {"batch"}}, "3 prompts got 2 replies"),
    ("BatchReorders", {"batch-reordered": {"abatch"}}, "not in the order of their prompts"),
    ("StreamsInOnePiece", {"stream-in-one-piece": SYNC_STREAMS}, "one chunk of 20 characters"),
    ("BlocksTheLoop", {"async-blocks": ASYNC}, "parity.py:253 in BlocksTheLoop._agenerate"),
    ("BlocksBetweenChunks", {"async-blocks": ASYNC_STREAMS}, "the event loop stood still"),
    ("KeyWithoutTemperature", {"cache-key-misses": set()}, "differ in temperature"),
    ("KeyLosesStop", {"cache-key-misses": set()}, "differ in stop"),
]


@pytest.mark.parametrize(("model", "expected", "words"), WRONG, ids=[name for name, *_ in WRONG])
def test_what_is_wrong_is_found_and_nothing_else(
    model: str, expected: dict[str, set[str]], words: str
) -> None:
    result = checked(model)
    assert found(result) == here(expected)
    if here(expected):
        assert any(words in finding.seen for finding in result.findings), result.findings
    outcomes = {mode.mode: mode.outcomes for mode in result.modes}
    for finding in result.findings:
        kind = KINDS[finding.identifier]
        assert finding.severity == kind.severity
        assert finding.advice
        for mode in finding.modes:
            assert outcomes[mode][kind.check] in {"defect", finding.severity}


def test_a_stream_that_waits_and_then_comes_at_once() -> None:
    result = checked("StreamsAtOnce", modes=("invoke", "stream"))
    assert found(result) == {"stream-in-one-piece": {"stream"}}
    assert result.findings[0].seen == "20 chunks, all of them at the end of the call"


def test_a_call_that_hangs_is_stopped_and_the_others_are_asked() -> None:
    result = checked("Hangs", call_limit_s=0.3, modes=("invoke", "ainvoke", "astream"))
    assert found(result) == {"mode-hangs": {"ainvoke"}}
    assert result.findings[0].seen == "no reply within 0.3 s"
    outcomes = {mode.mode: mode.outcomes["content"] for mode in result.modes}
    assert outcomes == {"invoke": "ok", "ainvoke": "not checked", "astream": "ok"}


def test_streaming_that_is_switched_off() -> None:
    model = load_model(f"{MODELS}:good").model
    model.disable_streaming = True
    result = checked(model)
    assert found(result) == {"streaming-disabled": {"stream", "astream", "astream_events_v2"}}


def test_parameters_whose_names_do_not_say_what_they_do() -> None:
    result = checked("Canned", modes=("invoke",))
    (key,) = (f for f in result.findings if f.identifier == "cache-key-misses")
    # `shift` and `retries` change nothing, `colour` might; a port and a key are not touched.
    assert key.seen == "two Canned that differ in reply_text have the same key"
    assert "secret" not in result.model_dump_json()


def test_replies_that_differ_each_time_are_not_compared() -> None:
    result = checked("Varies")
    assert result.defects == ()
    assert result.not_checked["content"] == (
        "replies differ between calls of the same mode, so content cannot be compared"
    )
    assert {mode.outcomes["content"] for mode in result.modes} == {"not checked"}
    assert {mode.outcomes["stop"] for mode in result.modes} == {"ok"}


def test_a_model_that_answers_nothing_cannot_be_checked() -> None:
    with pytest.raises(MeasurementError, match=r"no mode gives a reply: invoke: .*no licence"):
        checked("BrokenEverywhere")


def test_what_is_observed_can_be_written_and_read_again() -> None:
    told: list[object] = []

    def listening(gathered: Gathered) -> Reply:
        told[:] = gathered.observed
        return Reply.GO

    checked("KeyWithoutTemperature", listening, modes=("invoke", "astream", "batch"), max_calls=14)
    adapter: TypeAdapter[object] = TypeAdapter(Observation)
    kinds = {type(one).__name__ for one in told}
    assert kinds == {"ModelSeen", "Asking", "UnitSeen", "NotAsked", "KeyMisses"}
    for one in told:
        assert adapter.validate_json(adapter.dump_json(one)) == one


# -- what is said, and what is not -------------------------------------------------------


def test_an_error_does_not_repeat_the_users_prompt() -> None:
    result = checked("ErrorRepeatsPrompt", prompt="my darkest secret of all", modes=("ainvoke",))
    assert result.findings[0].seen == "ValueError (its message repeats the prompt or a reply)"
    said = result.model_dump_json()
    assert "darkest" not in said
    assert "sk-1234567890abcdef" not in said
    result = checked("ErrorRepeatsPrompt", modes=("ainvoke",))
    assert "What does each way" in result.findings[0].seen, "our own prompt is no secret"
    assert "sk-1234567890abcdef" not in result.model_dump_json()


def test_calls_are_counted_and_bounded() -> None:
    result = checked("good", modes=("invoke", "stream", "batch"))
    assert result.calls == sum(mode.calls for mode in result.modes) == 17
    result = checked("good", modes=("invoke", "stream", "batch"), max_calls=8)
    assert result.calls <= 8
    assert result.not_checked["stop"] == "--max-calls 8 leaves no call for it"
    result = checked("good", modes=("invoke", "stream", "batch"), max_calls=2)
    assert result.not_checked["batch"] == "--max-calls 2 leaves no call for it"
    assert {mode.mode: mode.outcomes["works"] for mode in result.modes} == {
        "invoke": "ok", "stream": "ok", "batch": "not checked",
    }  # fmt: skip


def test_the_first_pass_is_made_whatever_the_time() -> None:
    result = checked("good", replies=lambda _: Reply.ENOUGH)
    assert {mode.outcomes["works"] for mode in result.modes} == {"ok"}
    assert {mode.outcomes["stop"] for mode in result.modes} == {"not checked"}
    assert "time is over" in result.not_checked["stop"]
    assert {mode.outcomes["content"] for mode in result.modes} == {"ok"}


@pytest.mark.parametrize("max_calls", [None, 12])
def test_little_time_and_few_calls_make_no_false_alarm(max_calls: int | None) -> None:
    modes = ("invoke", "ainvoke", "stream", "batch")
    result = checked("Varies", lambda _: Reply.ENOUGH, modes=modes, max_calls=max_calls)
    assert result.defects == ()
    assert {mode.outcomes["content"] for mode in result.modes} == {"not checked"}
    few = checked("Varies", modes=modes, max_calls=6)
    assert few.defects == ()
    assert few.calls == 6
    assert set(few.not_checked) >= {"content", "order", "stop"}
    # A difference is found all the same.
    late = checked("LosesAChunk", lambda _: Reply.ENOUGH, modes=modes, max_calls=max_calls)
    assert found(late) == {"chunks-do-not-add-up": {"stream"}}


def test_every_kind_of_finding_has_a_model() -> None:
    elsewhere = {
        "mode-hangs", "mode-kills-process", "streaming-disabled",
        "nothing-streams",  # no chat model's: tests/parrot_bench/runnables
    }  # fmt: skip
    tested = {identifier for _, expected, _ in WRONG for identifier in expected}
    assert tested | elsewhere == set(KINDS)
    assert {kind.check for kind in KINDS.values()} == {*CHECKS, ""}


def test_a_run_has_it_too(tmp_path: Path) -> None:
    model = load_model(f"{MODELS}:NoUsageInStreams").model
    modes = ["invoke", "stream", "ainvoke"]
    record = parrot_bench.run(
        model,
        out=tmp_path / "run",
        modes=modes,
        studies=("overhead", "parity"),
        time_s=2,
        target=0.5,
    ).record
    assert record == read_record(tmp_path / "run")
    assert record.left_out == {}
    assert record.parity is not None
    assert found(record.parity) == {"usage-missing": {"stream"}}
    assert record.parity.stopped_by in {"done", "time"}
    (check,) = (check for check in record.trust if check.name == "parity")
    assert check.level == "amber"
    assert check.sentence == "The model has defects: usage-missing (stream)."


def test_a_study_that_may_make_no_call_says_so() -> None:
    words = "nothing was asked: --max-calls 1 leaves no call for it"
    with pytest.raises(MeasurementError, match=words):
        checked("good", modes=("batch",), baseline="batch", max_calls=1)


# -- pure functions ----------------------------------------------------------------------


def test_a_stop_sequence_is_within_the_reply() -> None:
    text = "What does each way of calling you cost?"
    stop = stop_sequence([text], alike=True)
    assert len(stop) == 3
    assert goes_on(text, stop)
    assert not goes_on(text[: text.find(stop) + 3], stop)
    assert stop_sequence(["ab"], alike=True) == ""
    assert stop_sequence([], alike=False) == ""
    assert stop_sequence(["xay", "zaq", "b"], alike=False) == "a"


def test_a_line_that_repeats_a_text() -> None:
    assert repeats("cannot answer 'in the beginning'", ["and in the beginning there was"])
    assert repeats("cannot answer hi", ["hi"])
    assert not repeats("cannot answer", ["and in the beginning there was", ""])


def test_a_loop_that_stood_still() -> None:
    ms = 1_000_000

    def beats(*slept: int, cpu: int = 0, queued: int | None = 0) -> list[Beat]:
        steps = [Beat(0, 0, queued)]
        for length in slept:
            wall, used, waited = steps[-1]
            after = None if waited is None else waited + (queued or 0)
            steps.append(Beat(wall + length * ms, used + cpu * ms, after))
        return steps

    assert turned([]) is None
    calm = turned(beats(1, 1, 2, 1))
    assert calm is not None
    assert calm.blocked_ns == 0
    blocked = turned(beats(1, 30, 1))
    assert blocked is not None
    assert (blocked.blocked_ns, blocked.longest_ns, blocked.wall_ns) == (30 * ms, 30 * ms, 32 * ms)
    busy = turned(beats(30, cpu=29))
    assert busy is not None
    assert busy.blocked_ns == 0
    held_up = turned(beats(30, queued=29 * ms))
    assert held_up is not None
    assert held_up.blocked_ns == 0
    unsure = turned(beats(12, queued=None))
    assert unsure is not None
    assert unsure.blocked_ns == 0
