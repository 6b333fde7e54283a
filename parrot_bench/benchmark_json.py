"""A run's samples as pytest-benchmark writes them, so that its tools can read them.

    pytest-benchmark compare runs/*/benchmark.json

A block of a mode is what pytest-benchmark calls a round, its calls are the iterations. What this
format has no place for is what a run is about: that blocks of the same round belong together.
Ratios with intervals are in ``run.json``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parrot_bench.record import Environment, RunRecord
from parrot_bench.samples import Samples

FORMAT = "5.1.0"
"""The version of pytest-benchmark whose format this is."""

_BLOCKS = {"overhead", "comparison"}
"""The studies that measure in blocks."""

_OUTLIER = 1.5
"""Interquartile ranges beyond the quartiles: pytest-benchmark calls such a round an outlier."""


def benchmark_json(record: RunRecord, samples: Iterable[Samples]) -> bytes:
    """Return the blocks of every mode as pytest-benchmark's JSON.

    Args:
        record: Of the run.
        samples: Of its studies, of which overhead alone has such blocks, or of both sides of a
            comparison.
    """
    blocks: defaultdict[tuple[str, str], list[NDArray[np.float64]]] = defaultdict(list)
    calls: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for taken in samples:
        if taken.study not in _BLOCKS:
            continue
        for mode in record.modes:
            series = taken.of(mode.name)
            if series.rounds:
                blocks[mode.name, taken.side].append(series.per_call("wall") / 1e9)
                calls[mode.name, taken.side] += series.calls
    floors = {mode.name for mode in record.modes if mode.status == "floor"}
    found = [
        _benchmark(record, mode, side, "floors" if mode in floors else "execution modes")
        | {"stats": _stats(np.concatenate(times), calls[mode, side])}
        for (mode, side), times in blocks.items()
    ]
    document = {
        "machine_info": _machine(record.environment),
        "commit_info": {
            "id": record.environment.commit or None,
            "dirty": record.environment.dirty,
        },
        "benchmarks": found,
        "datetime": record.started.isoformat(),
        "version": FORMAT,
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _benchmark(record: RunRecord, mode: str, side: str, kind: str) -> dict[str, Any]:
    name = f"{mode}[{side}]" if side else mode
    return {
        # The sides of a mode are compared with each other, else the modes of one run.
        "group": mode if side else kind,
        "name": name,
        "fullname": f"parrot_bench::{name}",
        "params": {"side": side} if side else None,
        "param": side or None,
        "extra_info": {
            "mode": mode,
            "model": record.model.class_name if record.model else None,
            "run": record.name,
            "parrot_bench": record.parrot_bench_version,
        },
        "options": {"timer": "perf_counter_ns", "disable_gc": True, "warmup": True},
    }


def _stats(times: NDArray[np.float64], calls: Sequence[int]) -> dict[str, Any]:
    low, median, high = (float(value) for value in np.quantile(times, (0.25, 0.5, 0.75)))
    mean = float(times.mean())
    deviation = float(times.std(ddof=1)) if times.size > 1 else 0.0
    fence = _OUTLIER * (high - low)
    inner = times[(times >= low - fence) & (times <= high + fence)]
    far = int((np.abs(times - mean) > deviation).sum())
    return {
        "min": float(times.min()),
        "max": float(times.max()),
        "mean": mean,
        "stddev": deviation,
        "rounds": int(times.size),
        "iterations": round(float(np.median(calls))),
        "median": median,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": int(times.size - inner.size),
        "stddev_outliers": far,
        "outliers": f"{far};{times.size - inner.size}",
        "ld15iqr": float(inner.min()),
        "hd15iqr": float(inner.max()),
        "ops": 1 / mean,
        "total": float(times.sum()),
        "data": times.tolist(),
    }


def _machine(environment: Environment) -> dict[str, Any]:
    """What pytest-benchmark says of a machine, and compares; its name is nobody's business."""
    implementation, _, version = environment.python.partition(" ")
    return {
        "node": "",
        "processor": environment.cpu,
        "machine": environment.platform,
        "python_implementation": implementation,
        "python_version": version,
        "system": environment.platform.partition("-")[0],
        "cpu": {"brand_raw": environment.cpu, "count": environment.logical_cpus},
    }
