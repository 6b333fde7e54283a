"""A column of integers that grows for as long as a load goes on, and takes no more memory for it.

What is older lies in a file without a name, in the folder for temporary files (``TMPDIR``).
"""

import tempfile
import weakref
from array import array
from collections.abc import Iterable
from io import FileIO

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

KEPT = 16_384
"""Values that stay in memory: 128 KiB of a column."""

_BYTES = 8


class Column:
    """64-bit integers in the order in which they were added."""

    def __init__(self) -> None:
        self._late = array("q")
        self._file: FileIO | None = None
        self._early = 0
        self._full = KEPT

    def extend(self, values: Iterable[int]) -> None:
        """Add some."""
        # Three times as fast as to extend an array by an iterable, number by number.
        self._late.frombytes(np.fromiter(values, dtype=np.int64).tobytes())
        if len(self._late) >= self._full:
            self._put_away()

    def __len__(self) -> int:
        return self._early + len(self._late)

    def read(self, begin: int = 0, end: int | None = None) -> Integers:
        """Those from ``begin`` to before ``end``, or to the last one, as an array of their own."""
        end = len(self) if end is None else min(end, len(self))
        # A copy: an array whose memory somebody looks at cannot grow.
        kept = self._late[max(begin - self._early, 0) : max(end - self._early, 0)]
        late = np.array(kept, dtype=np.int64)
        if self._file is None or begin >= min(end, self._early):
            return late
        early = bytearray((min(end, self._early) - begin) * _BYTES)
        left = memoryview(early)
        self._file.seek(begin * _BYTES)
        while left:
            left = left[self._file.readinto(left) :]
        return np.concatenate((np.frombuffer(early, dtype=np.int64), late))

    def _put_away(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # for as long as us
                weakref.finalize(self, self._file.close)
            left = memoryview(self._late).cast("B")
            self._file.seek(self._early * _BYTES)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            # No room: memory is what there is. What was written of it is not counted.
            self._full = 2**62
            return
        self._early += len(self._late)
        self._late = array("q")
