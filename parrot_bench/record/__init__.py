"""The saved record of a run: a versioned schema, and where each file of a run lies.

This is the bottom layer. It knows pydantic and nothing else, so that a report can be made
on a machine without LangChain, a year later. It does not measure, estimate or draw.
"""

from parrot_bench.record.base import Estimate, Percentile, Saved, apart
from parrot_bench.record.bisection import BisectionRecord, BisectionVerdict, ReleaseComparison
from parrot_bench.record.comparison import (
    Clock,
    ComparisonResult,
    GateVerdict,
    ModeComparison,
    SideName,
    SideRecord,
)
from parrot_bench.record.concurrency import (
    BlockedLoop,
    CodePlace,
    ConcurrencyCell,
    ConcurrencyResult,
    ConcurrencySweep,
    LawCheck,
    Limit,
)
from parrot_bench.record.directory import (
    RunDirectory,
    read_record,
    replacing,
    write_atomically,
)
from parrot_bench.record.growth import Growth, GrowthResult, GrowthVerdict, ModeGrowth, Quantity
from parrot_bench.record.load import (
    Capacity,
    LoadExport,
    LoadLevel,
    LoadResult,
    LoadVerdict,
    LoadWorker,
    RateBoundary,
)
from parrot_bench.record.overhead import ModeOverhead, OverheadResult, StoppedBy, Verdict
from parrot_bench.record.parity import CheckRecord, ParityFinding, ParityMode, ParityResult
from parrot_bench.record.run import SCHEMA_VERSION, RunRecord, TrustCheck
from parrot_bench.record.streaming import (
    Arrivals,
    Arriving,
    ChunkCost,
    Latency,
    LengthCost,
    ModeArrivals,
    SegmentCost,
    StreamFinding,
    StreamingResult,
)
from parrot_bench.record.subject import (
    Condition,
    Configuration,
    Environment,
    LoadConfiguration,
    ModelDescription,
    ModeRecord,
    Noise,
    ReplayDescription,
)
from parrot_bench.record.traced import ModeReconciliation, Reconciliation, SpanDelivery
from parrot_bench.record.tracing import (
    ModeTracing,
    NamedHandler,
    SpanExport,
    TracingCase,
    TracingLayer,
    TracingResult,
)

__all__ = [
    "SCHEMA_VERSION",
    "Arrivals",
    "Arriving",
    "BisectionRecord",
    "BisectionVerdict",
    "BlockedLoop",
    "Capacity",
    "CheckRecord",
    "ChunkCost",
    "Clock",
    "CodePlace",
    "ComparisonResult",
    "ConcurrencyCell",
    "ConcurrencyResult",
    "ConcurrencySweep",
    "Condition",
    "Configuration",
    "Environment",
    "Estimate",
    "GateVerdict",
    "Growth",
    "GrowthResult",
    "GrowthVerdict",
    "Latency",
    "LawCheck",
    "LengthCost",
    "Limit",
    "LoadConfiguration",
    "LoadExport",
    "LoadLevel",
    "LoadResult",
    "LoadVerdict",
    "LoadWorker",
    "ModeArrivals",
    "ModeComparison",
    "ModeGrowth",
    "ModeOverhead",
    "ModeReconciliation",
    "ModeRecord",
    "ModeTracing",
    "ModelDescription",
    "NamedHandler",
    "Noise",
    "OverheadResult",
    "ParityFinding",
    "ParityMode",
    "ParityResult",
    "Percentile",
    "Quantity",
    "RateBoundary",
    "Reconciliation",
    "ReleaseComparison",
    "ReplayDescription",
    "RunDirectory",
    "RunRecord",
    "Saved",
    "SegmentCost",
    "SideName",
    "SideRecord",
    "SpanDelivery",
    "SpanExport",
    "StoppedBy",
    "StreamFinding",
    "StreamingResult",
    "TracingCase",
    "TracingLayer",
    "TracingResult",
    "TrustCheck",
    "Verdict",
    "apart",
    "read_record",
    "replacing",
    "write_atomically",
]
