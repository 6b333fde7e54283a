"""What observability costs: the cases, what was sent and what arrived, and other handlers."""

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from opentelemetry import _logs, metrics, trace

import parrot_bench
from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.events import Block, Planned, PlannedMode, RoundTaken
from parrot_bench.parrot import ChatParrotLink
from parrot_bench.record import (
    ModeTracing,
    RunRecord,
    SpanExport,
    TracingCase,
    TracingResult,
    read_record,
)
from parrot_bench.request import Request, check
from parrot_bench.samples import Samples
from parrot_bench.studies.tracing import costs
from parrot_bench.studies.tracing.listeners import Flushed, open_listeners
from parrot_bench.studies.tracing.probe import check_handlers
from parrot_bench.studies.tracing.receiver import local_receiver
from parrot_bench.studies.tracing.told import Arrived, Conditions, LeftOut, SpansMade
from parrot_bench.trust import checks

OURS = "parrot_callbacks.conformance.ours:instrumentor"


def traced(model: Any, out: Path, **changes: Any) -> RunRecord:
    settings: dict[str, Any] = {
        "studies": ("tracing",),
        "modes": ["invoke", "ainvoke"],
        "time_s": 30,
        "target": 1.0,
    }
    return parrot_bench.run(model, out=out, **{**settings, **changes}).record


def result_of(record: RunRecord) -> TracingResult:
    assert record.tracing is not None
    return record.tracing


def case_of(mode: ModeTracing, name: str) -> TracingCase:
    case = mode.case(name)
    assert case is not None
    return case


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """One run in a process of its own, with our instrumentor as a handler that is named."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return traced("", out, handlers=(OURS,))


def test_every_case_of_every_mode_is_in_every_round(ordinary: RunRecord) -> None:
    result = result_of(ordinary)
    assert [mode.mode for mode in result.modes] == ["invoke", "ainvoke"]
    for mode in result.modes:
        names = [case.case for case in mode.cases]
        assert names == ["model", "none", "callbacks", "no-op", "file", "otlp", OURS]
        assert {case.blocks for case in mode.cases} == {result.rounds}
        assert not mode.errors
        assert [layer.layer for layer in mode.layers] == [
            "model",
            "langchain",
            "callbacks",
            "tracing",
        ]
    assert result.rounds >= 30
    assert not result.left_out


def test_every_call_has_one_span_where_something_records(ordinary: RunRecord) -> None:
    for mode in result_of(ordinary).modes:
        made = {case.case: case.spans_per_call for case in mode.cases}
        assert {made[name] for name in ("no-op", "file", "otlp", OURS)} == {1.0}
        assert {made[name] for name in ("model", "none", "callbacks")} == {None}


def test_the_order_of_costs_is_that_of_the_layers(ordinary: RunRecord) -> None:
    for mode in result_of(ordinary).modes:
        model, none, no_op = (case_of(mode, name).cpu.value for name in ("model", "none", "no-op"))
        assert model < none < no_op
        added = case_of(mode, "no-op").cpu_added
        assert added is not None
        assert added.low > 0


def test_all_spans_arrive(ordinary: RunRecord) -> None:
    result = result_of(ordinary)
    assert [export.case for export in result.exports] == ["file", "otlp"]
    for export in result.exports:
        assert export.delivered
        assert export.sent > 100
        assert export.cpu is not None
        assert export.cpu.value > 1000
    assert result.exports[1].received == result.exports[1].sent
    assert result.exports[0].received is None
    assert [c.level for c in ordinary.trust if c.name == "tracing"] == ["green", "green"]


def test_an_instrumentation_is_put_on_around_its_blocks(ordinary: RunRecord) -> None:
    (handler,) = result_of(ordinary).handlers
    assert handler.attached == "around every block"
    assert "parrot-bench" in handler.distributions
    assert handler.classes == ("parrot_callbacks.instrumentor.LangChainInstrumentor",)


def test_everything_is_left_as_it_was_found(tmp_path: Path) -> None:
    from parrot_callbacks import LangChainInstrumentor

    def state() -> tuple[object, ...]:
        return (
            trace.get_tracer_provider(),
            metrics.get_meter_provider(),
            _logs.get_logger_provider(),
            LangChainInstrumentor().is_instrumented,
            sorted(child.pid for child in psutil.Process().children()),
        )

    before = state()
    record = traced(
        ChatParrotLink(parrot_buffer_length=4),
        tmp_path / "run",
        modes=["invoke"],
        time_s=10,
        handlers=(OURS, "parrot_callbacks.conformance.ours:handler"),
    )
    assert state() == before
    assert [handler.attached for handler in result_of(record).handlers] == [
        "around every block",
        "to every call",
    ]
    assert record == read_record(tmp_path / "run")


# -- handlers ----------------------------------------------------------------------------

HANDLERS = """
    from langchain_core.callbacks import BaseCallbackHandler
    from parrot_callbacks import LangChainInstrumentor


    def permanent(provider):
        LangChainInstrumentor().instrument(tracer_provider=provider)


    class Stays:
        def uninstrument(self):
            pass


    def stays(provider):
        permanent(provider)
        return Stays()


    class Later:
        made = 0

        def __init__(self, provider):
            Later.made += 1
            LangChainInstrumentor().instrument(tracer_provider=provider)

        def uninstrument(self):
            if Later.made < 12:
                LangChainInstrumentor().uninstrument()


    def stays_later(provider):
        return Later(provider)


    def broken(provider):
        raise RuntimeError("no such backend")


    class Raises(BaseCallbackHandler):
        run_inline = True
        raise_error = True

        def on_chat_model_start(self, *args, **kwargs):
            raise ValueError("not this model")


    def raises(provider):
        return Raises()


    def no_handler(provider):
        return 3
"""


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_handlers.py").write_text(textwrap.dedent(HANDLERS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("my_handlers:permanent", "returned None, so it cannot be taken off again"),
        ("my_handlers:stays", "still makes spans after uninstrument"),
        ("my_handlers:broken", "RuntimeError: no such backend"),
        ("my_handlers:raises", "fails on a call: ValueError: not this model"),
        ("my_handlers:no_handler", "returned a int"),
        ("my_handlers:missing", "cannot be imported"),
        ("my_handlers", "does not say what to judge"),
    ],
)
@pytest.mark.usefixtures("handlers")
def test_a_handler_that_cannot_be_measured_is_refused_before_anything_is(
    spec: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        check_handlers([spec])
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("--handler ")


@pytest.mark.usefixtures("handlers")
def test_a_refused_handler_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="returned None"):
        traced("", tmp_path / "run", handlers=("my_handlers:permanent",))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("handlers")
def test_a_handler_that_does_not_come_off_later_is_named(tmp_path: Path) -> None:
    spec = "my_handlers:stays_later"
    record = traced("", tmp_path / "run", handlers=(spec,), modes=["invoke"])
    assert "after it was taken off" in result_of(record).left_out[spec]


def test_a_handler_needs_a_study_that_attaches_it() -> None:
    with pytest.raises(UsageError, match="--handler a:b is for the studies tracing and growth"):
        check(Request(studies=("overhead",), handlers=("a:b",)))


# -- models ------------------------------------------------------------------------------


def test_a_slow_model_says_how_much_time_it_needs(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=4, time_to_first_chunk=0.15)
    with pytest.raises(MeasurementError, match=r"10 rounds .* do not fit .* --time \d+ has room"):
        traced(model, tmp_path / "run", time_s=3)


def test_a_bounded_number_of_calls_is_kept_to(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=4)
    record = traced(model, tmp_path / "run", modes=["invoke"], max_calls=400)
    assert result_of(record).stopped_by in {"max-calls", "target"}
    cases = result_of(record).modes[0].cases
    assert sum(case.calls for case in cases) < 400
    with pytest.raises(MeasurementError, match="--max-calls 30 has left"):
        traced(model, tmp_path / "tight", modes=["invoke"], max_calls=30)


def test_a_mode_that_fails_is_left_out_by_name(tmp_path: Path) -> None:
    class Half(ChatParrotLink):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("no async today")

    record = traced(Half(parrot_buffer_length=4), tmp_path / "run", time_s=10)
    assert [mode.mode for mode in result_of(record).modes] == ["invoke"]
    assert result_of(record).left_out == {"ainvoke": "RuntimeError: no async today"}


def test_an_exporter_that_was_asked_for_is_one_more_case(tmp_path: Path) -> None:
    with local_receiver() as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        record = traced("", tmp_path / "run", modes=["invoke"], time_s=10, otlp=url)
        export = result_of(record).exports[2]
        assert export.case == "collector"
        assert export.delivered
        # The spans of the traced pass came, too.
        assert receiver.received() >= export.sent
    assert case_of(result_of(record).modes[0], "collector").spans_per_call == 1.0


def test_the_environment_cannot_redirect_the_local_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    record = traced("", tmp_path / "run", modes=["invoke"], time_s=10)
    assert all(export.delivered for export in result_of(record).exports)


# -- the receiver ------------------------------------------------------------------------


def test_the_receiver_counts_and_refuses_what_is_no_request() -> None:
    import http.client

    with local_receiver() as receiver:
        assert receiver.received() == 0
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
        connection.request("POST", "/v1/traces", b"\xff\xff not protobuf")
        assert connection.getresponse().status == 400
        connection.close()
        assert receiver.received() == 0
        process = psutil.Process().children()[-1]
        assert process.pid != os.getpid()
        assert receiver.folder.is_dir()
    assert not psutil.pid_exists(process.pid)
    assert not receiver.folder.exists()
    with pytest.raises(MeasurementError, match="does not answer"):
        receiver.received()


def test_a_receiver_whose_starter_is_killed_ends_and_leaves_nothing() -> None:
    code = (
        "import time\n"
        "from parrot_bench.studies.tracing.receiver import local_receiver\n"
        "with local_receiver() as receiver:\n"
        "    print(receiver.folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert starter.stdout is not None
    folder = Path(starter.stdout.readline().strip())
    (receiver,) = psutil.Process(starter.pid).children()
    assert folder.is_dir()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    psutil.wait_procs([receiver], timeout=30)
    assert not receiver.is_running()
    assert not folder.exists()


def test_queues_are_emptied_outside_of_calls_only() -> None:
    with open_listeners((), "", queue=2048) as listeners:
        by_case = {listener.case: listener for listener in listeners.cases}
        model = ChatParrotLink(parrot_buffer_length=4)
        for name in ("file", "otlp"):
            listener = by_case[name]
            with listener.attach() as callbacks:
                for _ in range(600):
                    model.invoke("hello", config={"callbacks": list(callbacks)})
            outlet = listener.outlet
            assert outlet is not None
            assert outlet.pending == 600
            assert outlet.account.account(600).exported == 0
            flushed = outlet.flush()
            assert (flushed.spans, flushed.requests, outlet.pending) == (600, 2, 0)
            assert outlet.account.account(600).exported == 600
        assert listeners.receiver.received() == 600
        assert len(list(listeners.receiver.folder.iterdir())) == 1
        listeners.forget_file()
        assert not list(listeners.receiver.folder.iterdir())


# -- conclusions -------------------------------------------------------------------------

COSTS_US = {"model": 30, "none": 150, "callbacks": 165, "no-op": 220, "file": 225, "mine:x": 400}


def simulated(rounds: int = 200) -> Any:
    """Rounds with noise that all cases share and a little of their own."""
    rng = random.Random(11)
    samples = Samples("tracing")
    for number in range(rounds):
        shared = rng.lognormvariate(0, 0.2)
        blocks = []
        for position, (case, cost) in enumerate(COSTS_US.items()):
            ns = round(cost * 1000 * 10 * shared * rng.lognormvariate(0, 0.02))
            blocks.append(Block(position, "invoke", "mode", "", "", 10, ns, ns, None, case=case))
        samples.add(RoundTaken(number, False, False, tuple(blocks), (), 100))
    plan = PlannedMode("invoke", 10, 1, 1, 1, 1000, 20, False)
    handler = {"name": "mine:x", "classes": (), "distributions": {}, "attached": "to every call"}
    from parrot_bench.record import NamedHandler

    return SimpleNamespace(
        samples=samples,
        plan=Planned((plan,), False, 0.01, 60, 10, None),
        observed=[Conditions((NamedHandler(**handler),), "")],
        dropped={},
        stopped_by="time",
        elapsed_s=3.0,
        request=Request(target=0.02),
    )


def test_differences_are_those_that_were_put_in() -> None:
    found = costs.conclude(simulated())
    assert found is not None
    (mode,) = found.modes
    layers = {layer.layer: layer.cpu for layer in mode.layers}
    for layer, expected in {"model": 30, "langchain": 120, "callbacks": 15, "tracing": 55}.items():
        assert layers[layer].low < expected * 1000 * 1.05
        assert layers[layer].high > expected * 1000 * 0.95
    added = case_of(mode, "no-op").cpu_added
    assert added is not None
    assert added.value == pytest.approx(70_000, rel=0.05)
    ratio = case_of(mode, "mine:x").cpu_ratio
    assert ratio is not None
    assert ratio.low < 400 / 150 < ratio.high
    assert case_of(mode, "none").cpu_ratio is None
    assert mode.case("otlp") is None


def test_what_is_told_at_the_end_is_missing_from_a_killed_run_and_nothing_else() -> None:
    gathered = simulated(20)
    found = costs.conclude(gathered)
    assert found is not None
    assert found.exports == ()
    assert case_of(found.modes[0], "no-op").spans_per_call is None
    gathered.observed += [
        SpansMade("invoke", "no-op", 440, 220),
        Flushed("file", 512, 512 * 90_000, 512 * 95_000, 1),
        Flushed("file", 512, 512 * 100_000, 512 * 95_000, 1),
        Flushed("file", 10, 10_000_000, 10_000_000, 1),
        Arrived("file", 1034, 1000, None, 512, "disk full"),
        LeftOut("x in invoke", "it raised"),
    ]
    found = costs.conclude(gathered)
    assert found is not None
    assert case_of(found.modes[0], "no-op").spans_per_call == 2.0
    (export,) = found.exports
    assert export.cpu is not None
    assert (export.cpu.value, export.cpu.count) == (95_000, 2)
    assert not export.delivered
    assert found.left_out == {"x in invoke": "it raised"}


def test_nothing_is_concluded_before_the_first_round() -> None:
    gathered = simulated(0)
    assert costs.conclude(gathered) is None
    assert not costs.enough(gathered)


def test_it_is_enough_when_traced_against_untraced_is_narrow() -> None:
    assert costs.enough(simulated(400))
    assert not costs.enough(simulated(12))


def test_spans_that_did_not_arrive_are_amber(ordinary: RunRecord) -> None:
    lost = SpanExport(
        case="otlp",
        cpu=None,
        wall=None,
        spans_per_request=512,
        sent=10,
        acknowledged=10,
        received=7,
    )
    assert not lost.delivered
    tracing = result_of(ordinary).model_copy(
        update={"exports": (lost,), "left_out_by": "OTEL_SDK_DISABLED=true"}
    )
    found = checks(ordinary.model_copy(update={"tracing": tracing}))
    levels = [(check.level, check.sentence) for check in found if check.name == "tracing"]
    assert [level for level, _ in levels] == ["amber", "amber"]
    assert "7 arrived" in levels[1][1]


def test_spans_that_the_user_leaves_out_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    record = traced("", tmp_path / "run", modes=["invoke"], time_s=10)
    result = result_of(record)
    assert result.left_out_by == "OTEL_TRACES_SAMPLER=always_off"
    assert case_of(result.modes[0], "no-op").spans_per_call == 0
    assert all(export.sent == 0 and export.cpu is None for export in result.exports)
    assert "amber" in {check.level for check in record.trust if check.name == "tracing"}


def test_no_prompt_text_is_in_the_record(tmp_path: Path) -> None:
    secret = "nobody may read this"
    traced("", tmp_path / "run", modes=["invoke"], time_s=5, prompt=secret)
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
