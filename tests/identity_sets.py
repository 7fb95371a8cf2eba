"""Public record-linkage data as the ready configurations of docs/examples/identity read them."""

from pathlib import Path

import polars as pl

from models.documents.identity_files import FileMatching
from models.settings import PROJECT_ROOT

EXAMPLES = PROJECT_ROOT / "docs" / "examples" / "identity"


def configuration(name: str) -> FileMatching:
    return FileMatching.load(EXAMPLES / f"{name}.yaml")


def febrl3(folder: Path) -> pl.DataFrame:
    """5,000 records of 2,000 people; `person` is the truth, which the record's name carries."""
    return _febrl(folder / "dataset3.csv")


def febrl4(folder: Path) -> pl.DataFrame:
    """Two lists of 5,000 people each, told apart by `_file`."""
    names = ("dataset4a", "dataset4b")
    lists = [_febrl(folder / f"{name}.csv").with_columns(_file=pl.lit(name)) for name in names]
    return pl.concat(lists)


def historical_figures(folder: Path) -> pl.DataFrame:
    """25,130 records of 2,574 people; `cluster` is the truth."""
    return pl.read_parquet(folder / "historical_half.parquet")


def fake_1000(folder: Path) -> pl.DataFrame:
    """1,000 records of 251 people; `cluster` is the truth."""
    return pl.read_csv(folder / "fake_1000.csv", infer_schema=False)


def truth_of(records: pl.DataFrame, config: FileMatching) -> pl.DataFrame:
    """node, truth."""
    return records.select(node=config.record, truth=config.truth)


def _febrl(path: Path) -> pl.DataFrame:
    """The headers and the values have leading blanks."""
    table = pl.read_csv(path, infer_schema=False)
    table = table.rename({name: name.strip() for name in table.columns}).with_columns(pl.all().str.strip_chars())
    return table.with_columns(person=pl.col("rec_id").str.extract(r"rec-(\d+)-"))
