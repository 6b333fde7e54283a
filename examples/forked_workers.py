"""Workers that are forked, as gunicorn and Celery do it, and lose no span when they end.

python examples/forked_workers.py FOLDER

The rule: make the tracer provider after the fork (gunicorn's `post_fork`, Celery's
`worker_process_init`), and shut it down before the worker goes (`worker_exit`,
`worker_process_shutdown`). Two workers must not share a connection or a file, and what waits in a
queue doesn't survive `os._exit`.
"""

import os
import sys
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from parrot_bench import ChatParrotLink
from parrot_callbacks import LangChainInstrumentor, SpanFileExporter

WORKERS = 3
REQUESTS = 20


def post_fork(folder: Path, number: int) -> TracerProvider:
    """Prepare a worker: its own provider, its own resource, its own file or connection."""
    resource = Resource.create({"service.name": "shop", "service.instance.id": str(number)})
    provider = TracerProvider(resource=resource)
    exporter = SpanFileExporter(folder / f"worker-{number}.jsonl")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    LangChainInstrumentor().instrument(tracer_provider=provider)
    return provider


def worker(folder: Path, number: int) -> None:
    """Answer requests, then go."""
    provider = post_fork(folder, number)
    model = ChatParrotLink(parrot_buffer_length=10)
    for request in range(REQUESTS):
        model.invoke(f"request {request}")
    provider.shutdown()  # what a `worker_exit` hook does


def main() -> None:
    """Fork the workers, and wait for them."""
    folder = Path(sys.argv[1])
    children = []
    for number in range(WORKERS):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                worker(folder, number)
                status = 0
            finally:
                os._exit(status)  # as servers do: no atexit, no flush
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    sys.exit(f"{len(failed)} workers failed" if failed else 0)


if __name__ == "__main__":
    main()
