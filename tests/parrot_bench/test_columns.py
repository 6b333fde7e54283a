"""A column is a list of integers, whether it lies in memory or in a file."""

import errno
import os
import tempfile
from collections.abc import Iterator
from io import FileIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench import columns
from parrot_bench.columns import Column

VALUES = st.integers(-(2**63), 2**63 - 1)
ADDED = st.lists(st.lists(VALUES, max_size=9), max_size=30)


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "KEPT", 4)
        yield


def filled(added: list[list[int]]) -> tuple[Column, list[int]]:
    column, expected = Column(), list[int]()
    for some in added:
        column.extend(some)
        expected.extend(some)
    return column, expected


@given(ADDED, st.integers(0, 300), st.none() | st.integers(0, 300))
def test_what_was_added_is_read(added: list[list[int]], begin: int, end: int | None) -> None:
    column, expected = filled(added)
    assert len(column) == len(expected)
    assert column.read(begin, end).tolist() == expected[begin:end]
    assert column.read().tolist() == expected


@given(ADDED, st.integers(1, 40))
def test_what_is_read_is_a_copy(added: list[list[int]], more: int) -> None:
    column, expected = filled(added)
    read = column.read()
    read += 1
    column.extend(range(more))
    assert column.read().tolist() == [*expected, *range(more)]


@given(ADDED, st.integers(0, 5))
def test_nothing_is_lost_where_there_is_no_room(added: list[list[int]], room: int) -> None:
    left = [room]

    class Full(FileIO):
        def write(self, data: Any, /) -> int:
            if not left[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            left[0] -= 1
            return super().write(memoryview(data)[:20])

    def opened(buffering: int) -> FileIO:
        with tempfile.TemporaryFile(buffering=buffering) as file:
            return Full(os.dup(file.fileno()), "r+b")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(columns, "tempfile", SimpleNamespace(TemporaryFile=opened))
        column, expected = filled(added)
        assert column.read().tolist() == expected
