"""How a judge compares what was expected of calls with what is in spans: properties."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from parrot_callbacks.conformance.expectations import Verdict
from parrot_callbacks.conformance.judging import _differs, _listed, _verdict

VALUES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=5)


@given(VALUES, VALUES, st.booleans())
def test_in_which_order_calls_ended_is_no_difference(
    expected: list[str], got: list[str], whole: bool
) -> None:
    said = _differs(expected, got, whole=whole)
    assert bool(_differs(sorted(expected), sorted(got), whole=whole)) == bool(said)
    assert bool(_differs(expected[::-1], got[::-1], whole=whole)) == bool(said)


@given(VALUES, VALUES)
def test_what_is_the_same_does_not_differ_and_what_is_not_does(
    expected: list[str], got: list[str]
) -> None:
    assert _differs(expected, expected) == ""
    said = _differs(expected, got)
    if len(expected) == len(got):
        assert bool(said) == (Counter(expected) != Counter(got))
    elif got:  # that their numbers differ is told by another check
        assert bool(said) == (set(expected) != set(got))
    else:
        assert said.endswith("got no span")
    # What is missing is named, and what is there for it.
    missing = Counter(expected) - Counter(got)
    if said and got and len(expected) == len(got):
        assert all(value in said.partition(", got ")[0] for value in missing)


@given(VALUES, VALUES)
def test_of_calls_that_were_stopped_there_may_be_more_in_spans(
    expected: list[str], more: list[str]
) -> None:
    assert _differs(expected, [*more, *expected], whole=False) == ""
    assert not expected or _differs([*expected, "d"], [*expected, *more], whole=False)


@given(st.lists(st.text(min_size=1), max_size=8))
def test_a_check_passes_where_nothing_is_wrong_and_tells_little_where_much_is(
    wrong: list[str],
) -> None:
    verdict = _verdict("works", wrong)
    assert (verdict == Verdict("works", "pass", "")) == (not wrong)
    assert verdict.status == ("fail" if wrong else "pass")
    assert not wrong or verdict.message.startswith(wrong[0])
    listed = _listed(wrong)
    assert listed.endswith(f" and {len(wrong) - 3} more") == (len(wrong) > 3) or not wrong
