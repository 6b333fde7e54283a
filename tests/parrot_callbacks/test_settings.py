"""What the environment says: content is never recorded because of a typing error."""

import os
import warnings
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from parrot_callbacks import TracingError
from parrot_callbacks.export import BatchSettings
from parrot_callbacks.settings import (
    CAPTURE_CONTENT,
    STABILITY_OPT_IN,
    content_capture,
    latest_conventions,
)

VALUES = st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = ["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]


@given(VALUES | st.sampled_from([*NAMES, "span_only", " Event_Only ", "SPAN_ONLY,", "true", "1"]))
def test_content_is_captured_by_its_four_words_alone(value: str) -> None:
    with (
        mock.patch.dict(os.environ, {CAPTURE_CONTENT: value}),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        found = content_capture()
    word = value.strip().upper()
    assert (found.on_span, found.as_event) == (
        word in {"SPAN_ONLY", "SPAN_AND_EVENT"}, word in {"EVENT_ONLY", "SPAN_AND_EVENT"},
    )  # fmt: skip
    assert bool(warned) == (word not in {"", *NAMES})
    assert all(str(each.message).isprintable() for each in warned)


@given(st.lists(st.sampled_from(["http", "gen_ai_latest_experimental", "database/dup", "x y"])))
def test_the_latest_conventions_are_one_of_several_words(words: list[str]) -> None:
    with mock.patch.dict(os.environ, {STABILITY_OPT_IN: " , ".join(words)}):
        assert latest_conventions() == ("gen_ai_latest_experimental" in words)


@given(VALUES | st.integers().map(str))
def test_a_setting_of_batches_is_a_whole_number_or_refused_in_one_line(value: str) -> None:
    with mock.patch.dict(os.environ, {"OTEL_BSP_MAX_QUEUE_SIZE": value}):
        try:
            found, said = BatchSettings.from_environment().queue, ""
        except TracingError as error:
            found, said = 0, str(error)
    assert found >= 0
    assert said.isprintable()
    if value.strip().isascii() and value.strip().isdigit() and int(value):
        assert found == int(value)
    else:
        assert bool(said) == bool(value.strip())
