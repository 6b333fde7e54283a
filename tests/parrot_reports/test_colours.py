"""One look for each mode, and enough contrast to read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_reports import colours


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


MODES = ("invoke", "ainvoke_gather", "astream", "abatch", "batch_as_completed", "astream_log")


@pytest.mark.parametrize("theme", [0, 1])
def test_every_name_can_be_read_in_its_colour(theme: int) -> None:
    paper = colours.INKS["paper"][theme]
    names = {(look.light, look.dark)[theme] for look in map(colours.look, [*colours._HUES, "mine"])}
    names |= {colours.INKS[ink][theme] for ink in ("ink", "soft")}
    for name in names:
        assert contrast(name, paper) >= 4.5, name


def test_no_colour_has_two_twins_and_none_is_lost() -> None:
    assert len({colours.variable(light) for light in colours.TWINS}) == len(colours.TWINS)
    for mode in (*MODES, "my_app:mode"):
        assert colours.look(mode).light in colours.TWINS


def test_a_mode_of_ones_own_keeps_its_look() -> None:
    assert colours.look("my_app:mode", "sync") == colours.look("my_app:mode", "sync")
    assert colours.look("my_app:mode", "async").hollow
    assert not colours.look("astream_like", "sync").hollow
    assert colours.look("ainvoke").hollow
    assert not colours.look("invoke").hollow


@given(
    st.text() | st.text(st.characters(categories=["Cs"]), min_size=1),
    st.sampled_from(["", "sync", "async"]),
)
def test_any_name_has_a_look_of_the_palette(name: str, kind: str) -> None:
    look = colours.look(name, kind)
    assert look == colours.look(name, kind)
    assert colours.TWINS[look.light] == look.dark
    assert look.hollow == (kind == "async") or not kind
