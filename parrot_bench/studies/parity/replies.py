"""What modes give: content, usage, metadata, and the order of a batch. Pure functions."""

from collections.abc import Iterator

from parrot_bench.studies.parity.evidence import Evidence, Found
from parrot_bench.studies.parity.seen import ReplySeen

_MODEL_NAME = ("model_name", "model", "model_id")
_FINISH_REASON = ("finish_reason", "stop_reason", "done_reason")
_OF_VERSION_V3 = {"output_version"}
"""Keys that LangChain adds in events v3; they say nothing of the model."""

_MOST_KEYS = 6


def content(seen: Evidence) -> Iterator[Found]:
    """Text and tool calls against the reference's."""
    expected = seen.expected
    if expected is None or not seen.alike:
        return
    for mode in seen.answering:
        reply = seen.replies(mode)[0]
        same = reply.digest == expected.digest
        if same or _reordered(seen, mode) or seen.undecided(mode) or seen.apart(mode):
            continue
        streams = seen.modes[mode].streams
        yield Found(
            identifier="chunks-do-not-add-up" if streams else "content-differs",
            mode=mode,
            seen=_difference(reply, expected, seen.reference),
        )


def _difference(reply: ReplySeen, expected: ReplySeen, reference: str) -> str:
    if reply.tool_calls != expected.tool_calls:
        return (
            f"{_counted(reply.tool_calls, 'tool call')} where {reference} gives "
            f"{expected.tool_calls}"
        )
    if reply.characters != expected.characters:
        return (
            f"{_counted(reply.characters, 'character')} where {reference} gives "
            f"{expected.characters}"
        )
    return f"another reply than that of {reference}, of the same length"


def order(seen: Evidence) -> Iterator[Found]:
    """The replies of a batch against its prompts."""
    for mode in seen.answering:
        if not seen.modes[mode].batches:
            continue
        for unit in seen.of(mode, "plain", "stop", "max_tokens"):
            if len(unit.replies) != unit.calls:
                yield Found(
                    identifier="batch-loses",
                    mode=mode,
                    seen=f"{_counted(unit.calls, 'prompt')} got {len(unit.replies)} "
                    + ("reply" if len(unit.replies) == 1 else "replies"),
                )
                break
        if _reordered(seen, mode):
            yield Found(
                identifier="batch-reordered",
                mode=mode,
                seen="the right replies, not in the order of their prompts",
            )


def told_apart(seen: Evidence) -> bool:
    """Whether the prompts of a batch are known to get different replies."""
    expected = seen.expected_of_batch
    return (
        seen.repeated and seen.alike and len(expected) > 1 and len(set(expected)) == len(expected)
    )


def _reordered(seen: Evidence, mode: str) -> bool:
    first = seen.of(mode, "plain")
    if not first or not seen.modes[mode].batches or not told_apart(seen):
        return False
    given = [reply.digest for reply in first[0].replies]
    expected = seen.expected_of_batch
    return given != expected and sorted(given) == sorted(expected)


def usage(seen: Evidence) -> Iterator[Found]:
    """Tokens: whether they are reported, and whether they are the reference's."""
    if seen.model.kind == "graph" and not seen.model.messages:
        return  # its state has no place for it, whatever its models say
    reporting = [m for m in seen.answering if all(r.usage for r in seen.replies(m))]
    silent = [mode for mode in seen.answering if mode not in reporting]
    if not reporting:
        # A chain that gives a text has no place for it.
        for mode in silent if seen.model.chat else ():
            yield Found(identifier="usage-absent", mode=mode, seen="no usage_metadata")
        return
    like = seen.reference if seen.reference in reporting else reporting[0]
    for mode in silent:
        yield Found(
            identifier="usage-missing",
            mode=mode,
            seen=f"no usage_metadata, though {like} has it",
        )
    for mode in reporting:
        if mode != like and not _reordered(seen, mode) and (said := _other_usage(seen, mode, like)):
            yield Found(identifier="usage-differs", mode=mode, seen=said)


def _other_usage(seen: Evidence, mode: str, like: str) -> str:
    expected = [(reply.usage, reply.digest) for reply in seen.replies(like) if reply.usage]
    given = [(reply.usage, reply.digest) for reply in seen.replies(mode) if reply.usage]
    usages = {usage for usage, _ in expected}
    # What may differ from call to call of one mode may differ between modes, too.
    whole = len(usages) == 1 and {digest for _, digest in given} <= {d for _, d in expected}
    right, (usage, _) = expected[0][0], given[0]
    if not seen.repeated:
        return ""
    if whole and seen.alike:
        wrong = all(usage not in usages for usage, _ in given)
        return f"{_tokens(usage)}; {like}: {_tokens(right)}" if wrong else ""
    inputs = {usage[0] for usage in usages}
    wrong = len(inputs) == 1 and all(usage[0] not in inputs for usage, _ in given)
    return f"{usage[0]} tokens in; {like}: {right[0]}" if wrong else ""


def _tokens(usage: tuple[int, int, int]) -> str:
    into, out, total = usage
    return f"{into} in, {out} out, {total} in all"


def metadata(seen: Evidence) -> Iterator[Found]:
    """Message type, id, and the keys beside the content."""
    expected = seen.expected
    if expected is None or not seen.model.chat:
        return
    for mode in seen.answering:
        reply = seen.replies(mode)[0]
        if not reply.is_ai:
            yield Found(identifier="reply-type", mode=mode, seen=f"answers with {reply.kind}")
        if reply.id_kind != expected.id_kind:
            yield Found(
                identifier="id-differs",
                mode=mode,
                seen=f"the id is {reply.id_kind}, in {seen.reference} {expected.id_kind}",
            )
        doubled = [
            key for key, value in expected.texts.items() if value in reply.repeats.get(key, ())
        ]
        if doubled:
            yield Found(
                identifier="metadata-doubled",
                mode=mode,
                seen=f"{', '.join(sorted(doubled))}: that of {seen.reference}, several times",
            )
        yield from _keys(seen, mode, reply, expected)


def _keys(seen: Evidence, mode: str, reply: ReplySeen, expected: ReplySeen) -> Iterator[Found]:
    explained: set[str] = set(_OF_VERSION_V3)
    for what, names in (("the model's name", _MODEL_NAME), ("the finish reason", _FINISH_REASON)):
        having = [m for m in seen.answering if seen.replies(m)[0].metadata & set(names)]
        if having and len(having) < len(seen.answering):
            explained |= set(names)
        if having and mode not in having:
            yield Found(
                identifier="metadata-missing",
                mode=mode,
                seen=f"{what} is missing, which {having[0]} has",
            )
    said = [
        *_compared("response_metadata", reply.metadata, expected.metadata, explained),
        *_compared("additional_kwargs", reply.kwargs, expected.kwargs, explained),
    ]
    if said:
        yield Found(identifier="metadata-differs", mode=mode, seen="; ".join(said))


def _compared(
    where: str, given: frozenset[str], expected: frozenset[str], aside: set[str]
) -> Iterator[str]:
    missing, more = expected - given - aside, given - expected - aside
    if missing:
        yield f"{where} without {_listed(missing)}"
    if more:
        yield f"{where} with {_listed(more)}"


def _listed(keys: frozenset[str] | set[str]) -> str:
    names = sorted(keys)
    rest = len(names) - _MOST_KEYS
    return ", ".join(names[:_MOST_KEYS]) + (f" and {rest} more" if rest > 0 else "")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
