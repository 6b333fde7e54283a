"""The file of recorded replies: a line about the recording, then a line for each reply."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any, Final, Literal, Self

from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, ConfigDict, ValidationError

from parrot_bench.errors import RecordError, UsageError
from parrot_bench.replay.pieces import Piece, own, piece_of

FORMAT: Final = "parrot_bench_replies"
VERSION: Final = 1

LONGEST_NS: Final = 10**15
"""Eleven days; what takes longer is no call."""


class Header(BaseModel):
    """The first line: what was recorded, of whom.

    Attributes:
        parrot_bench_replies: Version of the file's form.
        recorded: When the recording began, with its time zone.
        parrot_bench: Version of the harness.
        packages: Distribution name to version, the provider's among them.
        class_name: ``module.QualName`` of the model's class.
        model_name: The name the model gives itself; empty when it has none.
        mode: What was called: ``astream``, ``stream``, or where the model does not stream
            ``ainvoke``, ``invoke``.
        streams: The replies came in chunks.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    parrot_bench_replies: Literal[1] = VERSION
    recorded: datetime
    parrot_bench: str
    packages: dict[str, str]
    class_name: str
    model_name: str
    mode: str
    streams: bool


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """One reply.

    Attributes:
        prompt: What was asked, as :func:`prompt_key` tells it.
        pieces: Its chunks, in their order.
        latency_ns: From the call's beginning to its end.
        sum: What the chunks add up to.
    """

    prompt: str
    pieces: tuple[Piece, ...]
    latency_ns: int
    sum: ChatGeneration

    def chunks(self) -> Iterator[ChatGenerationChunk]:
        """Its chunks, made anew."""
        return (piece.chunk() for piece in self.pieces)

    def whole(self) -> ChatResult:
        """What its chunks add up to, in one piece, made anew."""
        return ChatResult.model_construct(generations=[own(self.sum)])


@dataclass(frozen=True)
class Recording:
    """A file, read.

    Attributes:
        header: What was recorded.
        replies: In the order in which they ended; at least one.
        digest: Of the file's content.
        torn: The last line was broken off, as by a recording that was killed.
    """

    header: Header
    replies: tuple[RecordedReply, ...]
    digest: str
    torn: bool


class RecordingFile:
    """A file that replies are written to as they come; use it as a context.

    Writing to it raises a RecordError where the disk takes no more; what is there can be read.

    Args:
        path: A file that isn't there yet. Only its owner can read it.

    Raises:
        UsageError: It is there, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.replies = 0
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = FileIO(os.open(path, flags, 0o600), "w")
        except FileExistsError as error:
            raise UsageError(_there_already(path)) from error
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self.replies:  # nobody wants a file without a reply
            self.path.unlink(missing_ok=True)

    def begin(self, header: Header) -> None:
        """Write the first line."""
        self._write(header.model_dump(mode="json"))

    def add(self, reply: Mapping[str, Any]) -> None:
        """Write a reply: after this, it is there whatever happens to this process."""
        self._write(reply)
        self.replies += 1

    def _write(self, line: Mapping[str, Any]) -> None:
        # In ASCII: half a surrogate pair can be written, and no character of a reply ends a line.
        text = json.dumps(line, allow_nan=False, separators=(",", ":"))
        data = memoryview(f"{text}\n".encode("ascii"))
        begun = self._file.tell()
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            # Half a line in the middle could not be read; truncating leaves the place as it is.
            self._file.truncate(begun)
            self._file.seek(begun)
            raise RecordError(f"{self.path} cannot be written: {error.strerror}") from error


def check_new(path: Path) -> None:
    """See to it that a recording can be written there, before anything is asked.

    Raises:
        UsageError: It is there already, or there is no such folder.
    """
    if path.exists():
        raise UsageError(_there_already(path))
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")


def _there_already(path: Path) -> str:
    return f"{path} is there already, and is not written over; name another file with --output"


def read_recording(path: Path) -> Recording:
    """Read a file of replies.

    Raises:
        UsageError: It cannot be read, or a line is none; the message has its number.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    first, *lines = data.split(b"\n")
    header = _header(first, path)
    replies: list[RecordedReply] = []
    torn = False
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            replies.append(read_reply(line))
        except ValueError as error:
            # What ends a file without ending its line was being written.
            if number == len(lines) + 1 and not isinstance(error, _NotAReplyError):
                torn = True
                continue
            said = str(error) if isinstance(error, _NotAReplyError) else "it is no JSON"
            raise UsageError(f"{path}, line {number} is no recorded reply: {said}") from error
    if not replies:
        raise UsageError(f"{path} has no reply; record some with parrot-bench record")
    return Recording(header, tuple(replies), hashlib.sha256(data).hexdigest(), torn)


class _NotAReplyError(ValueError):
    """JSON, but none of a reply; says why in a clause."""


def _json(line: bytes) -> Any:
    """A line of JSON.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _header(line: bytes, path: Path) -> Header:
    try:
        given = _json(line)
    except ValueError:
        given = None
    if not isinstance(given, dict) or FORMAT not in given:
        raise UsageError(
            f"{path}, line 1 does not begin a recording; "
            "give a file that parrot-bench record has written"
        )
    if given[FORMAT] != VERSION:
        raise UsageError(
            f"{path}, line 1: recordings of version {json.dumps(given[FORMAT])[:20]} are not "
            f"known to this parrot-bench, which has {VERSION}; install a newer one"
        )
    try:
        return Header.model_validate_json(line)
    except ValidationError as error:
        # Its own text repeats what was given.
        place, *_ = error.errors(include_input=False, include_url=False)
        named = ".".join(map(str, place["loc"][:1]))
        raise UsageError(f"{path}, line 1: {named} is missing or wrong") from error


def read_reply(line: bytes) -> RecordedReply:
    """Read a reply from its line.

    Raises:
        ValueError: It is none.
    """
    given = _json(line)
    if not isinstance(given, dict):
        raise _NotAReplyError("an object is expected")
    prompt, latency_ns, chunks = (given.get(key) for key in ("prompt", "latency_ns", "chunks"))
    if not isinstance(prompt, str):
        raise _NotAReplyError("prompt has to be the text of a digest")
    if not isinstance(chunks, list) or not chunks:
        raise _NotAReplyError("chunks has to be a list with at least one chunk")
    pieces = []
    least = 0
    for number, chunk in enumerate(chunks, 1):
        if not isinstance(chunk, dict):
            raise _NotAReplyError(f"chunk {number} has to be an object")
        fields = dict(chunk)
        least = _time(fields.pop("at_ns", None), f"at_ns of chunk {number}", least)
        try:
            pieces.append(piece_of(least, fields))
        except ValueError as error:
            raise _NotAReplyError(f"chunk {number}: {error}") from error
    try:
        result = generate_from_stream(piece.chunk() for piece in pieces)
    except Exception as error:  # LangChain merges values of unequal types in many ways, or not
        raise _NotAReplyError("its chunks do not add up to a message") from error
    return RecordedReply(
        prompt, tuple(pieces), _time(latency_ns, "latency_ns", least), result.generations[0]
    )


def _time(value: object, name: str, least: int) -> int:
    if type(value) is not int or not least <= value <= LONGEST_NS:
        raise _NotAReplyError(f"{name} has to be nanoseconds, {least} or more")
    return value


def prompt_key(messages: Sequence[BaseMessage]) -> str:
    """Tell prompts apart without keeping them: a digest of roles, contents and tool calls.

    It is not salted: whoever has a text can see whether it was asked.
    """
    said = [
        [message.type, message.content, *(getattr(message, name, None) for name in _TOLD_APART)]
        for message in messages
    ]
    text = json.dumps(said, default=repr, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


_TOLD_APART: Final = ("tool_calls", "tool_call_id")
