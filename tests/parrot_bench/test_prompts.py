"""Prompts that are made up are as long as they are to be, and none like another."""

from contextlib import suppress
from itertools import islice
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.load import Level, LoadPlan
from parrot_bench.prompts import CHARACTERS, CONVERSATION, MOST_TOKENS, lengths, plain

SHARES = st.floats(1e-6, 1 - 1e-6)


def test_the_shipped_lengths_are_those_of_the_trace() -> None:
    assert [CONVERSATION.tokens(share) for share in (0.5, 0.8, 0.95, 0.99)] == [
        582, 1427, 2345, 3549,
    ]  # fmt: skip


@given(SHARES, SHARES)
def test_more_prompts_are_shorter_than_a_longer_one(one: float, other: float) -> None:
    low, high = sorted((one, other))
    for each in (CONVERSATION, lengths("50:2000"), lengths("7")):
        assert 1 <= each.tokens(low) <= each.tokens(high) <= MOST_TOKENS


def test_what_is_drawn_has_the_median_and_the_tail_that_were_asked_for() -> None:
    drawn = [len(p) / CHARACTERS for p in islice(lengths("100:400").prompts(Random(1)), 4000)]
    assert np.median(drawn) == pytest.approx(100, rel=0.08)
    assert np.quantile(drawn, 0.95) == pytest.approx(400, rel=0.12)


def test_of_one_length_all_have_it() -> None:
    assert {len(p) for p in islice(lengths("25").prompts(Random(1)), 50)} <= {98, 99, 100}


def test_no_prompt_is_like_another_and_the_seed_decides() -> None:
    plan = LoadPlan(levels=(Level(rate=1.0),), lengths=CONVERSATION)
    some = list(islice(plan.asked("never asked", 3), 200))
    assert len({p[:40] for p in some}) > 190
    assert some == list(islice(plan.asked("", 3), 200))
    assert some != list(islice(plan.asked("", 4), 200))


@given(st.integers(0, 5000), st.integers(0, 100))
def test_there_is_as_much_text_as_was_asked_for(characters: int, seed: int) -> None:
    assert len(plain(characters, Random(seed))) >= characters - 3


@pytest.mark.parametrize("wrong", ["", "short", "0", "10:5", "-1", "1:2:3", "²", "1e3", "9999999",
                                   "1" * 5000])  # fmt: skip
def test_what_is_no_length(wrong: str) -> None:
    with pytest.raises(ValueError, match="are no lengths of prompts; give conversation"):
        lengths(wrong)


@given(st.text(alphabet="0123456789:conversati ", max_size=14))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert lengths(text).tokens(0.5) >= 1
