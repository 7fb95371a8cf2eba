"""What imported files say in the company's own fields: columns that no dataset has, read from the rows as they came."""

from pathlib import Path

import polars as pl

from models.contracts import BATCH_COLUMN, RAW_COLUMN, ROW_COLUMN
from models.documents.customer import CustomerDocument, CustomField, FieldKind, ReadFrom
from pipelines.sources.files.cells import cleaned
from pipelines.sources.files.numbers import canonical
from pipelines.sources.files.times import read_date

CUSTOM_VALUES: dict[str, pl.DataType] = {
    "dataset": pl.String(),
    "batch": pl.String(),
    "row_no": pl.Int64(),
    "field": pl.String(),
    "value": pl.String(),
}


def custom_values(inputs: Path, document: CustomerDocument, zone: str) -> pl.DataFrame:
    """The dbt source ``custom_values``: one row per row of a file and custom field that has a value of its kind there.

    ``inputs``: the linked inputs of a run. ``value``: text as cleaned, a number as plain decimal text, a date as ISO
    text, a choice by its id. Cells of another kind state nothing; two columns of one field: the first that is filled.
    """
    found = [pl.DataFrame(schema=CUSTOM_VALUES)]
    for dataset in sorted({place.dataset for field in document.custom for place in field.read_from}):
        places = [(field, place) for field in document.custom for place in field.read_from if place.dataset == dataset]
        columns = pl.Struct(dict.fromkeys((place.column for _, place in places), pl.String))
        for path in sorted((inputs / dataset).glob("*.parquet")):
            rows = pl.read_parquet(path, columns=[BATCH_COLUMN, ROW_COLUMN, RAW_COLUMN])
            cells = rows[RAW_COLUMN].str.json_decode(columns).struct.unnest()
            found += [_values(dataset, rows, cells[place.column], field, place, zone) for field, place in places]
    keys = ["dataset", "batch", "row_no", "field"]
    return pl.concat(found).unique(keys, keep="first", maintain_order=True).sort(keys)


def _values(
    dataset: str, rows: pl.DataFrame, cells: pl.Series, field: CustomField, place: ReadFrom, zone: str
) -> pl.DataFrame:
    return (
        rows.select(
            pl.lit(dataset).alias("dataset"),
            pl.col(BATCH_COLUMN).alias("batch"),
            pl.col(ROW_COLUMN).alias("row_no"),
            pl.lit(field.id).alias("field"),
            read_values(cells, field, place.format, zone).alias("value"),
        )
        .filter(pl.col("value").is_not_null())
        .cast(pl.Schema(CUSTOM_VALUES))
    )


def read_values(cells: pl.Series, field: CustomField, form: str | None, zone: str) -> pl.Series:
    """The cells of one column as canonical text of the field's kind; null where they are blank or of another kind."""
    text = cleaned(cells)
    match field.kind:
        case FieldKind.TEXT:
            return text
        case FieldKind.NUMBER:
            plain, marks = canonical(text)
            number = plain if marks is None else plain.zip_with(marks.is_null(), pl.Series([None], dtype=pl.String))
            return number.str.replace(r"(\.\d*?)0+$", "$1").str.replace(r"\.$", "").replace("-0", "0")
        case FieldKind.DATE:
            typed, _ = read_date(text, () if form is None else (form,), zone)
            return typed.dt.to_string("%Y-%m-%d")
        case FieldKind.CHOICE:
            words = {
                word.lower(): choice.id
                for choice in field.choices
                for word in (choice.id, choice.label.zh, choice.label.en)
            }
            return text.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.String)
