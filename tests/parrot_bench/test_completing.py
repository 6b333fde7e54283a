"""What the shell offers on TAB."""

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
