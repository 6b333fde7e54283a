"""A function that may be frozen as soon as it has answered, as serverless platforms do.

OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python examples/short_process.py

A span that waits for the next batch would wait until the next request, or for ever. So what has
ended is sent before the answer is returned; the limit keeps a collector that is away from costing
more than that.
"""

import json
import sys
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from parrot_bench import ChatParrotLink
from parrot_callbacks import OpenTelemetryCallbackHandler

FLUSH_MS = 2_000

# Once for the process, which may answer many requests.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
model = ChatParrotLink(parrot_buffer_length=40)
tracing = OpenTelemetryCallbackHandler(provider)


def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Answer one request."""
    try:
        reply = model.invoke(event["prompt"], config={"callbacks": [tracing]})
        return {"reply": reply.text}
    finally:
        provider.force_flush(FLUSH_MS)


if __name__ == "__main__":
    json.dump([handler({"prompt": prompt}) for prompt in ("hello", "and again")], sys.stdout)
