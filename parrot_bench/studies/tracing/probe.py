"""Whether a named handler can be measured, asked in a process of its own.

What cannot be taken off again would be in every number that follows, and that is only known
once its factory has run. So it runs in a process that ends, before anything is measured.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from parrot_bench.errors import UsageError

START_LIMIT_S = 60.0


def check_handlers(specs: Sequence[str]) -> None:
    """Refuse handlers that cannot be measured.

    Args:
        specs: ``module:factory`` of each.

    Raises:
        UsageError: One cannot be imported or made, can't be taken off again, or fails.
    """
    for spec in specs:
        reason = _refused(spec)
        if reason:
            raise UsageError(f"--handler {reason}")


def _refused(spec: str) -> str:
    # Whatever this process can import can be imported there.
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-m", __name__, spec],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=START_LIMIT_S,
            check=False,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return f"{spec} did not come back within {START_LIMIT_S:g} s"
    last = done.stdout.strip().rpartition("\n")[2]
    try:
        reason: str = json.loads(last)["refused"]
    except (ValueError, KeyError, TypeError):
        return f"{spec} ended its process with status {done.returncode}"
    return reason


def main(spec: str) -> None:
    """Try the handler on the parrot, and print why it is refused as the last line."""
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415  # what __name__ needs not
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    from parrot_bench.parrot import ChatParrotLink  # noqa: PLC0415
    from parrot_bench.studies.tracing.listeners import SpanCounter  # noqa: PLC0415
    from parrot_callbacks.conformance.target import attached, load_factory  # noqa: PLC0415
    from parrot_callbacks.errors import TracingError  # noqa: PLC0415

    provider = TracerProvider(shutdown_on_exit=False)
    counter = SpanCounter()
    provider.add_span_processor(counter)
    model = ChatParrotLink(parrot_buffer_length=4)
    reason = ""
    try:
        factory = load_factory(spec)
        with attached([factory], provider, LoggerProvider(shutdown_on_exit=False)) as target:
            if target.is_permanent:
                reason = (
                    f"{spec} returned None, so it cannot be taken off again; "
                    "return an object with uninstrument()"
                )
            model.invoke("hello", config={"callbacks": target.callbacks})
        there = counter.ended
        model.invoke("hello")
        if not reason and counter.ended > there:
            reason = (
                f"{spec} still makes spans after uninstrument(), and would be in every "
                "number that follows; mend it"
            )
    except TracingError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  # somebody else's code
        said = " ".join(str(error).split())
        reason = f"{spec} fails on a call: {type(error).__name__}: {said}"[:300]
    sys.stdout.write(f"\n{json.dumps({'refused': reason})}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
