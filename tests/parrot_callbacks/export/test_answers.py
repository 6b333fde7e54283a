"""Whatever a collector, or something else at its address, answers is understood or passed over."""

from contextlib import suppress

import requests
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from parrot_callbacks.answers import Answers, NotDeliveredError, SpansRejectedError

KINDS = st.sampled_from(
    ["application/x-protobuf", "application/json", "text/html", "text/plain; charset=x", "", "x"]
)


def answered(status: int, body: bytes, kind: str, location: str = "") -> Answers:
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.headers["content-type"] = kind
    if location:
        response.headers["location"] = location
    response.request = requests.Request("POST", "http://127.0.0.1/").prepare()
    answers = Answers()
    answers.hear_http(response)
    return answers


def said(answers: Answers, sent: int) -> tuple[int, str]:
    """Spans that were rejected, and what is told of it."""
    try:
        answers.check_success(sent)
    except SpansRejectedError as error:
        return error.rejected, str(error)
    return 0, ""


@given(
    st.sampled_from([200, 202, 204, 301, 307, 400, 429, 503]), st.binary(max_size=40), KINDS,
    st.text(max_size=10), st.integers(1, 1000),
)  # fmt: skip
def test_any_answer_is_heard(status: int, body: bytes, kind: str, location: str, sent: int) -> None:
    answers = answered(status, body, kind, location)
    rejected, _ = said(answers, sent)
    assert 0 <= rejected <= sent
    if status in {301, 307}:
        assert rejected == sent
    if status >= 400:
        failure = ""
        with suppress(NotDeliveredError):
            answers.check_failure()
            failure = "none was said"
        assert failure == ""


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=30), st.integers(1, 1000))
def test_what_was_rejected_is_never_more_than_was_sent(
    rejected: int, message: str, sent: int
) -> None:
    answer = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    )
    found, told = said(answered(200, answer.SerializeToString(), "application/x-protobuf"), sent)
    assert found == max(0, min(rejected, sent))
    assert (message in told) == (found > 0 or not message)
