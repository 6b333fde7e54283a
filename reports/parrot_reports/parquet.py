"""Reading Parquet files that may have been cut or damaged."""

from pathlib import Path

import polars as pl


def read_table(path: Path) -> pl.DataFrame:
    """Read a whole Parquet file.

    Raises:
        polars.exceptions.PolarsError: It is none, or not whole.
        OSError: It cannot be read.
    """
    try:
        return pl.read_parquet(path)
    except pl.exceptions.PanicException as error:
        # A byte that is another one is a panic of Rust's now and then, which is no Exception: it
        # would go past everybody who expects a file that cannot be read.
        raise pl.exceptions.ComputeError(f"the file is damaged: {error}") from error
