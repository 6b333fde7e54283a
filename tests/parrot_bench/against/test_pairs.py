"""What each process of a pair is asked for."""

from pathlib import Path
from typing import Any

import pytest

from parrot_bench.against.pairs import Pairs
from parrot_bench.request import Request

OWN = """
from dataclasses import replace
from parrot_bench.mode_table import MODES
mine = replace(MODES["ainvoke"], name="mine")
"""


def test_a_mode_of_ones_own_is_sent_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_modes.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    sides: Any = ()  # nothing is started
    request = Request(modes=("own_modes:mine", "invoke"), seed=1)
    pairs = Pairs(request=request, sides=sides, logs={}, interrupted=lambda: False)
    assert pairs.remaining == ("own_modes:mine", "invoke")
    # A side says what it cannot do by the mode's name.
    pairs.dropped["mine"] = "no async"
    assert pairs.remaining == ("invoke",)
