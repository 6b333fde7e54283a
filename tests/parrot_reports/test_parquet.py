"""A table that was damaged on a disk or in an upload."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_reports.parquet import read_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    rows = range(200)
    pl.DataFrame(
        {"number": rows, "text": [f"text {n % 7}" for n in rows], "list": [[n] for n in rows]}
    ).write_parquet(path)
    return path


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_table_is_read_or_refused(table: Path, data: st.DataObject) -> None:
    damaged = bytearray(table.read_bytes())
    # Where something is said of what comes, and not in the values.
    places = st.integers(0, len(damaged) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    path = table.with_name("damaged.parquet")
    path.write_bytes(damaged)
    try:
        found = read_table(path).columns
    except (pl.exceptions.PolarsError, OSError):
        found = []
    assert len(found) <= 3


def test_a_whole_table_is_read(table: Path) -> None:
    assert read_table(table).height == 200
