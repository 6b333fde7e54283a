"""Tokens of several replies: together, or not at all."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from parrot_bench.studies.usage import input_tokens, output_tokens

COUNTS = st.none() | st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))


@given(st.lists(COUNTS, max_size=5), st.booleans())
def test_tokens_are_those_of_all_replies_or_unknown(
    counts: list[tuple[int, int] | None], another: bool
) -> None:
    replies: list[AIMessage | HumanMessage] = []
    for count in counts:
        given, answered = count or (0, 0)
        usage = {
            "input_tokens": given, "output_tokens": answered, "total_tokens": given + answered
        }  # fmt: skip
        replies.append(AIMessage("x", usage_metadata=usage if count else None))
    if another:
        replies.append(HumanMessage("what is no reply has no usage"))
    known = [count for count in counts if count is not None]
    if not replies or len(known) < len(replies):
        assert output_tokens(replies) is None
        assert input_tokens(replies) is None
    else:
        assert input_tokens(replies) == sum(given for given, _ in known)
        assert output_tokens(replies) == sum(answered for _, answered in known)
