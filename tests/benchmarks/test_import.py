"""What importing our handler costs beside what it stands on, under pytest-benchmark.

Fresh processes in a changing order, each timing one import; their medians are printed. That
nothing else is loaded is asserted in ``tests/test_import_cost.py``; nothing is here.
"""

import subprocess
import sys
from random import Random
from typing import Any

from parrot_bench.estimates import median_estimate, paired_ratio

ROUNDS = 10
STATEMENTS = {
    "langchain_core.callbacks.base, which defines what a handler is": (
        "import langchain_core.callbacks.base"
    ),
    "langchain-core's callbacks and the OpenTelemetry API": (
        "import langchain_core.callbacks.base, langchain_core.callbacks.manager, "
        "opentelemetry.trace, opentelemetry.context, opentelemetry.metrics, opentelemetry._logs"
    ),
    "parrot_callbacks and its handler": (
        "import parrot_callbacks; parrot_callbacks.OpenTelemetryCallbackHandler"
    ),
    "parrot_callbacks alone": "import parrot_callbacks",
}
FOUNDATIONS, HANDLER = list(STATEMENTS)[1:3]


def nanoseconds(statement: str) -> int:
    """Time a statement in a fresh process; starting the interpreter isn't counted."""
    code = (
        "from time import perf_counter_ns; begun = perf_counter_ns()\n"
        f"{statement}\nprint(perf_counter_ns() - begun)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return int(done.stdout)


def test_import_time(benchmark: Any, capsys: Any) -> None:
    """Wall time of the import, of all rounds but the first: that one reads files from disk."""
    times: dict[str, list[int]] = {name: [] for name in STATEMENTS}
    order = Random(0)

    def one_round() -> None:
        for name in order.sample(list(STATEMENTS), len(STATEMENTS)):
            times[name].append(nanoseconds(STATEMENTS[name]))

    benchmark.group = "import (a round of fresh processes)"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    with capsys.disabled():
        print()  # noqa: T201  # the result
        for name, measured in times.items():
            found = median_estimate(measured[1:])
            benchmark.extra_info[name] = found.model_dump()
            print(f"import {name}: {found.value / 1e6:.0f} ms")  # noqa: T201
        ratio = paired_ratio(times[HANDLER][1:], times[FOUNDATIONS][1:])
        print(  # noqa: T201
            f"import, ours over what it stands on: "
            f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        )
