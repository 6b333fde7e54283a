"""What our handler costs beside a minimal one and beside a bare span, under pytest-benchmark.

Five ways of calling a model, with and without metrics; see ``tests/peers/paths.py`` and
``floor.py`` there. The goal is at most 1.25 times the call with the minimal handler. All
contenders are timed in the same rounds, so that the host's own changes meet all of them, and
the ratios are kept in ``extra_info``. Nothing is asserted about times.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.peers.contenders import BARE, MINIMAL, NOBODY, Contender, contenders
from tests.peers.paths import PATHS, Path
from tests.peers.rounds import Round, take_rounds
from tests.peers.tables import ADDED_CPU, IN_BARE_SPANS, WHOLE_CPU, answer, as_ratio
from tests.peers.telemetry import Setting

ROUNDS = 30
SETTINGS = (Setting(batch=False, metrics=False), Setting(batch=False, metrics=True))


@pytest.fixture(params=SETTINGS, ids=lambda setting: setting.name)
def everybody(request: pytest.FixtureRequest) -> Iterator[list[Contender]]:
    found = contenders(request.param, {})
    yield found
    for contender in found:
        contender.telemetry.close()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_side_by_side(benchmark: Any, capsys: Any, everybody: list[Contender], path: Path) -> None:
    """All contenders, interleaved: what the whole call costs, and what tracing adds to it."""
    benchmark.group = "handler, side by side (all rounds of all contenders)"
    rounds: list[Round] = benchmark.pedantic(take_rounds, args=(path, everybody, ROUNDS, 0))
    for name in rounds[0].keys() - {NOBODY, BARE, MINIMAL}:
        found = {
            question: answer(rounds, question, name)
            for question in (WHOLE_CPU, ADDED_CPU, IN_BARE_SPANS)
        }
        for question, ratio in found.items():
            benchmark.extra_info[f"{name}: {question.title}"] = ratio and ratio.model_dump()
        whole, added, bare = (
            as_ratio(ratio) if ratio else "not resolved" for ratio in found.values()
        )
        with capsys.disabled():
            print(  # noqa: T201  # the result
                f"\n{path.name}, {everybody[0].telemetry.setting.name}: {name} over minimal, CPU "
                f"{whole}; of what tracing adds {added}; in bare spans {bare}"
            )
