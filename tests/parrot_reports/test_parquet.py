"""A table that was damaged on a disk or in an upload."""

from pathlib import Path

import polars as pl
import pytest

from parrot_reports.parquet import read_table


def test_a_whole_table_is_read_and_half_of_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"number": range(200)}).write_parquet(path)
    assert read_table(path).height == 200
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises((pl.exceptions.PolarsError, OSError)):
        read_table(path)


def test_a_panic_is_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of bytes that are damaged some make polars end the process, so none are tried here:
    # nox -s verify -- fuzz does.
    def panics(path: Path) -> pl.DataFrame:
        raise pl.exceptions.PanicException(f"offset + length <= self.length in {path.name}")

    monkeypatch.setattr(pl, "read_parquet", panics)
    with pytest.raises(pl.exceptions.ComputeError, match="damaged"):
        read_table(tmp_path / "x.parquet")
