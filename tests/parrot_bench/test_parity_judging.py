"""What the parity study makes of what it saw, whatever that is: properties of its judges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.record import ModeRecord, ParityResult
from parrot_bench.request import Request
from parrot_bench.samples import Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.parity.judging import conclude
from parrot_bench.studies.parity.kinds import CHECKS, KINDS
from parrot_bench.studies.parity.seen import (
    Arrived,
    Heard,
    KeyMisses,
    ModelSeen,
    NotAsked,
    Observation,
    ReplySeen,
    Turned,
    UnitSeen,
)
from tests.parrot_bench.gathered import described


def mode(name: str, kind: str = "sync", **more: Any) -> ModeRecord:
    fields = {"status": "stable", "streams": False, "batches": False, "floor": ""}
    return ModeRecord.model_validate({"name": name, "api": "-", "kind": kind, **fields, **more})


MODES = (
    mode("invoke"),
    mode("batch", batches=True),
    mode("stream", streams=True),
    mode("ainvoke", "async"),
    mode("astream", "async", streams=True),
    mode("direct_generate", status="floor"),
    mode("astream_log", "async", streams=True, unavailable="is gone"),
)
ASKED = [one.name for one in MODES if one.status != "floor" and not one.unavailable]


def concluded(observed: list[Observation], modes: tuple[ModeRecord, ...] = MODES) -> ParityResult:
    gathered = Gathered(
        study="parity", request=Request(), described=described(modes), limit_s=60,
        samples=Samples("parity"), observed=list(observed), stopped_by="done",
    )  # fmt: skip
    result = conclude(gathered)
    assert result is not None
    return result


KEYS = st.frozensets(st.sampled_from(["model_name", "finish_reason", "logprobs"]))
DIGESTS = ["a", "b", "c"]
REPLIES = st.builds(
    ReplySeen,
    kind=st.sampled_from(["AIMessage", "HumanMessage"]),
    is_ai=st.booleans(),
    digest=st.sampled_from(DIGESTS),
    characters=st.sampled_from([0, 5, 40]),
    words=st.sampled_from([0, 1, 8]),
    tool_calls=st.integers(0, 2),
    usage=st.none() | st.tuples(*[st.integers(1, 3)] * 3),
    id_kind=st.sampled_from(["none", "LangChain's", "the model's own"]),
    metadata=KEYS,
    kwargs=KEYS,
    texts=st.dictionaries(st.just("finish_reason"), st.sampled_from(DIGESTS)),
    repeats=st.dictionaries(st.just("finish_reason"), st.frozensets(st.sampled_from(DIGESTS))),
)
TIMES = st.sampled_from([0, 1_000, 60_000_000, 100_000_000])
ARRIVED = st.builds(Arrived, st.integers(0, 20), TIMES, TIMES) | st.just(Arrived(0))
HEARD = st.builds(Heard, *[st.integers(0, 3)] * 3, st.integers(0, 20), st.integers(0, 2))
TURNED = st.builds(Turned, TIMES, TIMES, TIMES, st.sampled_from(["", "model.py:7 in f"]))
MODELS = st.builds(
    ModelSeen,
    name=st.just("Model"),
    own=st.frozensets(st.sampled_from(["_stream", "_agenerate", "_astream"])),
    disabled=st.booleans(),
    provider=st.sampled_from(["", "openai"]),
    provider_guessed=st.booleans(),
    named=st.booleans(),
    kind=st.sampled_from(["chat model", "graph", "Runnable"]),
    messages=st.booleans(),
)


@st.composite
def units_of(draw: st.DrawFn, of: str, reply: st.SearchStrategy[ReplySeen]) -> list[UnitSeen]:
    """What may be told of one mode: asked once, and if that did not raise, more."""
    record = next(each for each in MODES if each.name == of)

    def unit(asked: str, calls: int) -> UnitSeen:
        ended = draw(st.sampled_from(["fine"] * 5 + ["raised", "hung", "killed", "silent"]))
        begun = UnitSeen(mode=of, asked=asked, calls=calls, limit=2)  # type: ignore[arg-type]
        if ended in {"raised", "hung", "killed"}:
            return replace(begun, error="ValueError: no", ended="" if ended == "raised" else ended)
        lost = record.batches and draw(st.integers(0, 5)) == 0
        number = 0 if ended == "silent" else calls - lost
        return replace(
            begun,
            replies=tuple(draw(reply) for _ in range(number)),
            beyond=draw(st.integers(0, 1)) if asked == "stop" else 0,
            wall_ns=draw(TIMES),
            arrived=draw(ARRIVED) if record.streams else None,
            heard=draw(st.none() | HEARD),
            turned=draw(TURNED) if record.kind == "async" else None,
        )

    found = [unit("plain", 3 if record.batches else 1)]
    if not found[0].error:
        further = ["again", "stop", "max_tokens", *["prompts"] * (2 * (of == "invoke"))]
        calls = 2 if record.batches else 1
        found += [unit(asked, calls) for asked in further if draw(st.booleans())]
    return found


@st.composite
def studies(draw: st.DrawFn, modes: list[str] = ASKED) -> list[Observation]:
    """What a study may have told when it was over, or stopped."""
    reply = st.sampled_from(draw(st.lists(REPLIES, min_size=1, max_size=3)))
    told: list[Observation] = [draw(MODELS)]
    if draw(st.booleans()):
        told.append(UnitSeen(mode="gone", asked="plain", calls=0, error="TypeError: no"))
    for name in modes:
        told += draw(units_of(name, reply))
    reasons = st.sampled_from(["stop", "content", "order", "astream"])
    told += [NotAsked(check, "the time is over") for check in draw(st.sets(reasons))]
    told += [KeyMisses(name, changes_reply=False) for name in draw(st.sets(st.just("top_k")))]
    return told


def units(told: list[Observation]) -> list[UnitSeen]:
    return [each for each in told if isinstance(each, UnitSeen)]


@settings(max_examples=50)
@given(studies())
def test_every_mode_has_every_check_and_every_call_is_counted(told: list[Observation]) -> None:
    result = concluded(told)
    gone = [unit.mode for unit in units(told) if unit.mode == "gone"]
    assert [each.mode for each in result.modes] == [*ASKED, *gone]
    assert {tuple(each.outcomes) for each in result.modes} == {tuple(CHECKS)}
    assert result.calls == sum(unit.calls for unit in units(told))
    assert result.calls == sum(each.calls for each in result.modes)


@settings(max_examples=50)
@given(studies())
def test_a_mode_has_of_each_check_the_worst_that_was_found(told: list[Observation]) -> None:
    result = concluded(told)
    severities = [finding.severity for finding in result.findings]
    assert severities == sorted(severities)  # a defect comes before a note
    said = [(f.identifier, f.seen, f.advice) for f in result.findings]
    assert len(said) == len(set(said))
    for finding in result.findings:
        assert finding.severity == KINDS[finding.identifier].severity
        assert len(finding.modes) == len(set(finding.modes))
        assert bool(finding.modes) is bool(KINDS[finding.identifier].check)
        assert "{" not in finding.advice
    for each in result.modes:
        for check, outcome in each.outcomes.items():
            found = {
                f.severity
                for f in result.findings
                if each.mode in f.modes and KINDS[f.identifier].check == check
            }
            if found:
                assert outcome == min(found)
            else:
                assert outcome in {"ok", "not checked", "does not apply"}


@settings(max_examples=50)
@given(studies())
def test_what_does_not_apply_is_never_found(told: list[Observation]) -> None:
    result = concluded(told)
    records = {each.name: each for each in MODES}
    for each in result.modes:
        record = records.get(each.mode)
        applying = {
            "order": record is not None and record.batches,
            "streaming": record is not None and record.streams,
            "async": record is not None and record.kind == "async",
        }
        for check, outcome in each.outcomes.items():
            assert (outcome == "does not apply") == (not applying.get(check, True))
    for finding in result.findings:
        check = KINDS[finding.identifier].check
        for name in finding.modes:
            if check == "order":
                assert records[name].batches
            elif check == "streaming":
                assert records[name].streams
            elif check == "async":
                assert records[name].kind == "async"
            elif name == "gone":
                assert check == "works"


@settings(max_examples=50)
@given(studies(), st.permutations(DIGESTS))
def test_only_whether_digests_are_equal_is_looked_at(
    told: list[Observation], others: list[str]
) -> None:
    new = dict(zip(DIGESTS, others, strict=True))

    def renamed(reply: ReplySeen) -> ReplySeen:
        return replace(
            reply,
            digest=new[reply.digest],
            texts={key: new[value] for key, value in reply.texts.items()},
            repeats={k: frozenset(new[each] for each in v) for k, v in reply.repeats.items()},
        )

    said = [
        replace(each, replies=tuple(map(renamed, each.replies)))
        if isinstance(each, UnitSeen)
        else each
        for each in told
    ]
    assert concluded(said) == concluded(told)


@settings(max_examples=50)
@given(studies(), st.permutations(ASKED))
def test_in_which_order_modes_are_asked_says_nothing(
    told: list[Observation], order: list[str]
) -> None:
    model, *rest = told
    by_mode = sorted(units(told), key=lambda unit: [*order, "gone"].index(unit.mode))
    others = [each for each in rest if not isinstance(each, UnitSeen)]

    def found(observed: list[Observation]) -> set[tuple[str, str, frozenset[str]]]:
        findings = concluded(observed).findings
        return {(f.identifier, f.seen, frozenset(f.modes)) for f in findings}

    assert found([model, *by_mode, *others]) == found(told)


@settings(max_examples=50)
@given(studies(["invoke"]), st.sampled_from(["invoke", "ainvoke", "stream"]))
def test_modes_that_do_the_same_have_no_difference_between_them(
    told: list[Observation], other: str
) -> None:
    """The same seen of a second mode: nothing that compares modes can find anything."""
    again = [replace(unit, mode=other) for unit in units(told) if unit.mode == "invoke"]
    result = concluded([*told, *again] if other != "invoke" else told)
    compared = {
        "content-differs", "chunks-do-not-add-up", "usage-missing", "usage-differs",
        "metadata-missing", "id-differs", "metadata-differs",
    }  # fmt: skip
    assert not compared & {finding.identifier for finding in result.findings}
    # A text that is joined end to end is not its own half.
    doubled = {f.identifier for f in result.findings} & {"metadata-doubled"}
    own = [reply for unit in units(told) for reply in unit.replies]
    assert not doubled or any(
        text in reply.repeats.get(key, ()) for reply in own for key, text in reply.texts.items()
    )


@settings(max_examples=30)
@given(REPLIES, st.permutations(DIGESTS), st.lists(st.sampled_from(DIGESTS), max_size=4))
def test_a_batch_is_reordered_where_all_its_replies_are_there_in_other_places(
    reply: ReplySeen, order: list[str], other: list[str]
) -> None:
    """Against a reference that was asked every prompt of it, the first twice."""
    plain, *prompts = (replace(reply, digest=each) for each in DIGESTS)
    told: list[Observation] = [
        ModelSeen("Model", frozenset(), False, "openai", False, True),
        UnitSeen("invoke", "plain", 1, (plain,)),
        UnitSeen("invoke", "again", 1, (plain,)),
        *(UnitSeen("invoke", "prompts", 1, (each,)) for each in prompts),
    ]
    for digests in (order, other):
        replies = tuple(replace(reply, digest=each) for each in digests)
        found = {
            f.identifier: f.modes
            for f in concluded([*told, UnitSeen("batch", "plain", 3, replies)]).findings
        }
        moved = sorted(digests) == DIGESTS and digests != DIGESTS
        assert found.get("batch-reordered") == (("batch",) if moved else None)
        lost = found.get("batch-loses") == ("batch",)
        assert lost == (len(digests) not in {0, 3})
        # That they are elsewhere is no other content.
        differs = bool(digests) and digests[0] != "a" and not moved
        assert ("content-differs" in found) == differs


def test_a_mode_that_first_gave_no_reply_and_then_one_is_judged_by_that_one() -> None:
    reply = ReplySeen("AIMessage", True, "a", 5, 1, 0, None, "none", frozenset(), frozenset())
    given = UnitSeen("invoke", "plain", 1, (reply,))
    silent = UnitSeen("stream", "plain", 1)
    late = UnitSeen("stream", "again", 1, (reply,), heard=Heard(2, 2, 0, 0, 0))
    own = frozenset({"_stream", "_agenerate", "_astream"})
    model = ModelSeen("Model", own, False, "openai", False, True)
    found = {f.identifier: f.modes for f in concluded([model, given, silent, late]).findings}
    assert found["reply-missing"] == found["callbacks-twice"] == ("stream",)


WRONG: list[tuple[str, Callable[[UnitSeen], UnitSeen]]] = [
    ("mode-raises", lambda unit: replace(unit, replies=(), error="ValueError: no")),
    ("mode-hangs", lambda unit: replace(unit, replies=(), error="too long", ended="hung")),
    ("mode-kills-process", lambda unit: replace(unit, replies=(), error="9", ended="killed")),
    ("reply-missing", lambda unit: replace(unit, replies=())),
]


@settings(max_examples=50)
@given(studies(), st.sampled_from(ASKED), st.sampled_from(WRONG))
def test_a_mode_whose_first_call_fails_is_named_whatever_else_is_found(
    told: list[Observation], name: str, wrong: tuple[str, Callable[[UnitSeen], UnitSeen]]
) -> None:
    identifier, spoil = wrong
    plain = next(unit for unit in units(told) if unit.mode == name)
    clean = replace(plain, error="", ended="")
    spoiled = [
        spoil(clean) if each is plain else each
        for each in told
        if each is plain or not isinstance(each, UnitSeen) or each.mode != name
    ]
    result = concluded(spoiled)
    assert name in {m for f in result.findings if f.identifier == identifier for m in f.modes}
    outcomes = next(each.outcomes for each in result.modes if each.mode == name)
    assert outcomes["works"] == "defect"
    # Of a mode that gave nothing, nothing else can be said.
    assert set(outcomes.values()) <= {"defect", "not checked", "does not apply"}
    assert [check for check, outcome in outcomes.items() if outcome == "defect"] == ["works"]
