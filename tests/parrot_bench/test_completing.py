"""What the shell offers on TAB."""

from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.cli import completing
from parrot_bench.mode_table import MODES


def test_names_are_completed_also_after_a_comma() -> None:
    assert completing.studies("gr") == ["growth"]
    assert completing.studies("growth,ov") == ["growth,overhead"]
    assert completing.modes("invoke,ainvoke") == ["invoke,ainvoke", "invoke,ainvoke_gather"]
    assert completing.modes("nothing") == []


def test_what_is_typed_is_not_offered_again() -> None:
    offered = completing.modes("invoke,")
    assert len(offered) == len(MODES) - 1
    assert "invoke,invoke" not in offered


@given(
    st.lists(st.sampled_from(sorted(MODES)) | st.text("ab_,", max_size=5), max_size=4),
    st.sampled_from(sorted(MODES)),
    st.integers(0, 30),
)
def test_what_is_offered_goes_on_from_what_is_typed(typed: list[str], name: str, cut: int) -> None:
    begun = ",".join([*typed, name[:cut]])
    offered = completing.modes(begun)
    assert len(offered) == len(set(offered))
    for each in offered:
        assert each.startswith(begun)
        assert each.rpartition(",")[2] in MODES
        assert each.rpartition(",")[0] == begun.rpartition(",")[0]
    if name not in begun.rpartition(",")[0].split(","):
        assert begun.rpartition(",")[0] + ("," if typed else "") + name in offered
