"""From the spans of a cell, and what it expected, to verdicts."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from parrot_callbacks.conformance.echo import (
    FINISH_REASON,
    INPUT_TOKENS,
    MAX_TOKENS,
    OUTPUT_TOKENS,
    TEMPERATURE,
    ModelError,
)
from parrot_callbacks.conformance.expectations import CHECKS, Call, Verdict
from parrot_callbacks.conformance.scene import Scene
from parrot_callbacks.conformance.spans import Chat, Tree, id_of

Finding = tuple[str, str]
"""A check's name, and what is wrong; nothing if it is right."""

_MOST_MESSAGES: Final = 2


def judge(scene: Scene, *, crash: str = "", noise: Sequence[str] = ()) -> tuple[Verdict, ...]:
    """Answer every check that applies to a cell.

    Args:
        scene: The cell after its performance.
        crash: What its body raised, on one line; empty if nothing.
        noise: What was logged and warned meanwhile.

    Returns:
        One verdict a check, in the order of the table.
    """
    found: dict[str, list[str]] = {name: list(said) for name, said in scene.findings.items()}
    found.setdefault("works", [])
    if crash:
        found["works"].append(f"expected no error, got {crash}")
    found["quiet"] = [f"expected silence, got {line}" for line in noise[:1]]
    tree = scene.tree()
    # A body that was cut short hasn't said what it expects.
    of_calls = () if crash else _calls(scene.calls, scene.roots, tree)
    for name, message in (*_ended(tree), *of_calls):
        found.setdefault(name, []).extend([message] if message else [])
    return tuple(
        _verdict(name, found[name])
        for name in CHECKS
        if name in found
        and name not in scene.skipped
        and (scene.asked is None or name in scene.asked)
    )


def _verdict(check: str, wrong: Sequence[str]) -> Verdict:
    told = list(dict.fromkeys(wrong))[:_MOST_MESSAGES]
    return Verdict(check, "fail" if told else "pass", "; ".join(told))


def _ended(tree: Tree) -> Iterator[Finding]:
    still_open = [span.name for span in tree.of_handler if span.end_time is None]
    yield "ended", f"expected no open span, got {_listed(still_open)}" if still_open else ""


def _calls(calls: Sequence[Call], roots: int | None, tree: Tree) -> Iterator[Finding]:
    chats = tree.chats
    made, expected = len(chats), len(calls)
    yield "one span", "" if made == expected else f"expected {expected}, got {made}"
    if not calls:
        return
    yield from _places(calls, roots, tree)
    yield from _client_spans(calls, tree)
    yield from _outcomes(calls, chats)
    yield from _facts(calls, chats)


def _places(calls: Sequence[Call], roots: int | None, tree: Tree) -> Iterator[Finding]:
    flaws = [chat.flaw for chat in tree.chats if chat.flaw]
    if flaws:
        yield "parent", flaws[0]
    yield (
        "parent",
        _differs(
            [(id_of(call.above), call.inside) for call in calls],
            [(id_of(chat.above), chat.inside) for chat in tree.chats],
            lambda place: tree.name(place[0]) + (" and another call" if place[1] else ""),
        ),
    )
    traces = {chat.span.context.trace_id for chat in tree.chats if chat.span.context}
    alone = [call for call in calls if call.above is None and not call.inside]
    if len(alone) == len(calls) and roots is None and len(tree.chats) == len(calls):
        yield "parent", _unequal("traces", len(calls), len(traces))
    if roots is not None and tree.others_of_handler and tree.chats:
        yield (
            "parent",
            _unequal(
                "spans of chains above the calls",
                roots,
                len({chat.root for chat in tree.chats if chat.root}),
            ),
        )


def _client_spans(calls: Sequence[Call], tree: Tree) -> Iterator[Finding]:
    for check, name in (("client first", "before"), ("client later", "between")):
        if not any(name in call.clients for call in calls):
            continue
        strays = [
            tree.name(id_of(span.parent))
            for span in tree.clients
            if span.name == name and not _is_child_of_a_chat(span, tree)
        ]
        if strays:
            yield check, f"expected a call as the parent, got {strays[0]}"
            continue
        yield (
            check,
            _differs(
                [call.clients.count(name) for call in calls],
                [chat.clients.count(name) for chat in tree.chats],
                lambda count: f"{count} in a call",
            ),
        )


def _is_child_of_a_chat(span: ReadableSpan, tree: Tree) -> bool:
    parent = tree.parent(span)
    return any(chat.span is parent for chat in tree.chats)


def _outcomes(calls: Sequence[Call], chats: Sequence[Chat]) -> Iterator[Finding]:
    wanted = {"completed": "unset", "failed": "error", "stopped": "unset"}
    # OK is no lie about a call that was answered; about one that was stopped it is.
    answered = sum(call.outcome == "completed" for call in calls)
    ok = [chat for chat in chats if chat.status == "ok"]
    fine = {id(chat) for chat in ok[:answered]}
    got = ["unset" if id(chat) in fine else chat.status for chat in chats]
    yield "outcome", _differs([wanted[call.outcome] for call in calls], got, "status {}".format)
    failures = [int(call.outcome == "failed") for call in calls]
    yield "exception", _differs(failures, [chat.exceptions for chat in chats], "{} recorded".format)
    kinds = [ModelError.__name__ if failed else None for failed in failures]
    got_kinds = [(chat.facts.error_type or "").rpartition(".")[2] or None for chat in chats]
    yield "error type", _differs(kinds, got_kinds, "{}".format)


def _facts(calls: Sequence[Call], chats: Sequence[Chat]) -> Iterator[Finding]:
    facts = [chat.facts for chat in chats]
    answered = [call for call in calls if call.outcome == "completed"]
    whole = len(answered) == len(calls)
    yield "operation", _differs([call.operation for call in calls], [f.operation for f in facts])
    yield "model", _differs([call.model for call in calls], [f.model for f in facts])
    yield (
        "params",
        _differs(
            [(TEMPERATURE, MAX_TOKENS)] * len(calls),
            [f.params for f in facts],
            lambda params: f"temperature {params[0]} and {params[1]} tokens",
        ),
    )
    # A call that fails or is stopped may have a part of its tokens, or none.
    tokens = [(INPUT_TOKENS, OUTPUT_TOKENS)] * len(answered)
    said = "{0[0]} and {0[1]}".format
    yield "tokens", _differs(tokens, [f.tokens for f in facts], said, whole=whole)
    reasons = [(FINISH_REASON,)] * len(answered)
    yield "finish reason", _differs(reasons, [f.finish_reasons for f in facts], whole=whole)
    if all(call.chunks for call in calls):
        streamed = [call.streamed for call in calls]
        got = [f.streamed for f in facts]
        yield "streaming", _differs(streamed, got, lambda yes: "a stream" if yes else "no stream")
        timed = [_timed(chat) for chat in chats]
        yield "first chunk", _differs(streamed, timed, _time_in_words)


def _timed(chat: Chat) -> Hashable:
    """Whether there is a time to the first chunk, if it is one that can be."""
    first, span = chat.facts.first_chunk, chat.span
    if first is None:
        return False
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    # The clocks of spans and of intervals differ by a little.
    possible = isinstance(first, int | float) and 0 <= first <= seconds + 0.01
    return True if possible else f"{first!r} in a span of {seconds:.6f} s"


def _time_in_words(there: Hashable) -> str:
    if isinstance(there, bool):
        return "a time" if there else "no time"
    return str(there)


def _unequal(what: str, expected: int, got: int) -> str:
    return "" if expected == got else f"expected {expected} {what}, got {got}"


def _differs(
    expected: Sequence[Hashable],
    got: Sequence[Hashable],
    words: Callable[..., str] = "{}".format,
    *,
    whole: bool = True,
) -> str:
    """Compare what is expected of calls with what is in spans, in any order.

    Where their numbers differ, which another check tells, only the kinds are compared.

    Args:
        expected: One value a call.
        got: One value a span.
        words: Says a value in words.
        whole: Every span is to have one of the values; else there may be others.

    Returns:
        The difference in words; nothing if there is none.
    """
    if expected and not got:
        return f"expected {_counted(Counter(expected), words)}, got no span"
    if whole and len(expected) != len(got):
        expected, got = list(set(expected)), list(set(got))
    wanted, there = Counter(expected), Counter(got)
    missing, surplus = wanted - there, there - wanted
    if not missing and (not surplus or not whole):
        return ""
    return f"expected {_counted(missing or wanted, words)}, got {_counted(surplus, words)}"


def _counted(values: Counter[Hashable], words: Callable[..., str]) -> str:
    if not values:
        return "nothing else"
    return _listed(
        f"{count} of {words(value)}" if count > 1 else words(value)
        for value, count in values.items()
    )


def _listed(parts: Iterable[str], most: int = 3) -> str:
    parts = list(parts)
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
