"""Bad rows: set apart with file, row, column, rule and a masked value."""

import polars as pl

from models.contracts import RAW_COLUMN, ROW_COLUMN, Contract
from models.identifiers import masked_all

#: One row per rejected cell. ``value`` is masked where the column is personal; ``raw`` is the whole source row
#: as JSON, which only ``scrm quarantine export`` shows. ``row`` is 1-based in the source (a header does not count).
REJECT_DTYPES: dict[str, pl.DataType] = {
    "file": pl.String(),
    "row": pl.Int64(),
    "column": pl.String(),
    "rule": pl.String(),
    "value": pl.String(),
    "raw": pl.String(),
}


def no_rejects() -> pl.DataFrame:
    return pl.DataFrame(schema=REJECT_DTYPES)


def rejects(frame: pl.DataFrame, *, file: str, column: str, rule: str, value: pl.Expr, personal: bool) -> pl.DataFrame:
    """Reject records for every row of ``frame`` (which carries ``_row`` and ``_raw``)."""
    shown = value.cast(pl.String)
    if personal:
        shown = masked_all(shown)
    return frame.select(
        pl.lit(file).alias("file"),
        pl.col(ROW_COLUMN).alias("row"),
        pl.lit(column).alias("column"),
        pl.lit(rule).alias("rule"),
        shown.alias("value"),
        pl.col(RAW_COLUMN).alias("raw"),
    )


def split(frame: pl.DataFrame, contract: Contract, *, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Validate a collected frame; returns (rows that satisfy the contract, reject records of the others).

    Cell by cell first; the rules of a row are for rows whose cells hold, because a missing cell would break them too.
    Raises pandera SchemaErrors as ``split_by_cells``.
    """
    good, found = split_by_cells(frame, contract, file=file)
    broken = [found]
    for rule in contract.rules:
        fails = (rule.when & ~rule.holds).fill_null(False)
        bad = good.filter(fails)
        if bad.height:
            column = contract.by_name[rule.column]
            value = pl.col(rule.column)
            broken.append(
                rejects(bad, file=file, column=rule.column, rule=rule.message, value=value, personal=column.personal)
            )
            good = good.filter(~fails)
    return good, pl.concat(broken)


def split_by_cells(frame: pl.DataFrame, contract: Contract, *, file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same, looking at each cell alone.

    Raises pandera SchemaErrors only for a fault of the whole frame (a missing or wrongly typed column).
    """
    from pandera.errors import SchemaErrors  # two seconds to import: most commands validate nothing

    try:
        contract.schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        if cases["index"].null_count():
            raise
        found = [
            rejects(
                frame[failed["index"].unique().sort()],
                file=file,
                column=str(column),
                rule=_rule(str(check), str(column)),
                value=pl.col(str(column)),
                personal=contract.by_name[str(column)].personal,
            )
            for (column, check), failed in cases.group_by(["column", "check"], maintain_order=True)
        ]
        holds = pl.Series([True]).new_from_index(0, frame.height).scatter(cases["index"].unique(), False)
        return frame.filter(holds), pl.concat(found)
    return frame, no_rejects()


def _rule(check: str, column: str) -> str:
    return f"{column} is required" if check == "not_nullable" else check
