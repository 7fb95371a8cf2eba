"""``scrm identity``: who is who, in any file of people."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from models.settings import Settings
from pipelines.commands.identity_explain import explain
from pipelines.commands.identity_review import decide, review, simulate, undo
from pipelines.commands.output import AsJson, console, emit, fail, rows_table

app = typer.Typer(no_args_is_help=True, help="Who is who: resolve a file of people, measure it beside a truth.")
EXAMPLES = "docs/examples/identity"

for _command in (explain, review, decide, undo, simulate):
    app.command()(_command)


@app.command()
def resolve(
    files: Annotated[
        list[Path], typer.Argument(help="CSV, XLSX, JSONL or Parquet, a record a row; several of one form")
    ],
    config: Annotated[Path, typer.Option(help=f"what its columns are and how people are recognised, see {EXAMPLES}")],
    out: Annotated[Path, typer.Option(help="the rows with customer_id beside them, .csv or .parquet")],
    pairs: Annotated[Path | None, typer.Option(help="compared pairs with their weights, .csv or .parquet")] = None,
    as_json: AsJson = False,
) -> None:
    """Give every record of a file its customer, by the engine of a run and a configuration of its own.

    Nothing of the company is read or changed. Rows of another width than the header are set aside and named.
    `_file` is a column that every file has: its name without the ending.

    Example: `scrm identity resolve people.csv --config docs/examples/identity/febrl3.yaml --out resolved.csv`

    Exit codes: 0 done, 1 a file or the configuration does not hold.
    """
    from models.documents.identity_files import FileMatching
    from pipelines.identity_files import CUSTOMER, resolve_records
    from pipelines.record_files import read_records

    document = FileMatching.load(config)
    read = read_records(files)
    records = read.records
    for file, row, cells, wanted in read.set_aside.head(5).iter_rows():
        console.print(f"{file} row {row}: {cells} cells where the header has {wanted}; set aside, repair the row")
    scratch = Settings().home / "scratch" / "identity"
    found = resolve_records(records, document, scratch)
    _write(found.records, out)
    if pairs is not None:
        _write(found.matched.pairs, pairs)
    decisions = dict(found.matched.pairs.group_by("decision").len().sort("decision").iter_rows())
    sizes = found.records.group_by(CUSTOMER).len()["len"]
    answer = {
        "records": records.height,
        "set_aside": read.set_aside.height,
        "customers": sizes.len(),
        "largest": int(sizes.max() or 0),  # type: ignore[arg-type]
        "after_rules": found.rule_customers,
        "pairs": decisions,
        "cut": found.matched.cut,
        "model_rows": found.model.rows,
        "out": str(out),
    }
    rows = [(name, str(value)) for name, value in answer.items()]
    emit(answer, as_json=as_json, table=rows_table("Resolved", ("figure", "value"), rows))


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="what resolve wrote, .csv or .parquet")],
    truth: Annotated[str, typer.Option(help="the column that says who a record really is")],
    pattern: Annotated[
        str | None, typer.Option(help="a regular expression whose first group is the truth within that column")
    ] = None,
    by: Annotated[str, typer.Option(help="the column of the customers found")] = "customer_id",
    as_json: AsJson = False,
) -> None:
    """Measure customers beside a truth: pairwise and B-cubed precision, recall and F1 of final clusters.

    Rows without a truth do not count. All true pairs are in the denominator of recall.

    Example: `scrm identity evaluate resolved.csv --truth rec_id --pattern "rec-([0-9]+)-"`

    Exit codes: 0 done, 1 a column is not there, or no row has a truth.
    """
    from models.identity.measuring import measure
    from pipelines.record_files import read_records

    records = read_records([file]).records
    if absent := sorted({truth, by} - set(records.columns)):
        fail(f"{file.name}: there is no column {', '.join(absent)}; there are {', '.join(records.columns)}")
    named = records.with_row_index("node").with_columns(pl.col("node").cast(pl.String))
    told = pl.col(truth) if pattern is None else pl.col(truth).str.extract(_compiled(pattern), 1)
    try:
        quality = measure(named.select("node", cluster=by), named.select("node", truth=told))
    except ValueError as error:
        fail(f"{file.name}: {error}; is {truth} the right column, and the pattern one with a group?")
    answer = asdict(quality)
    rows = [(name, f"{value:.4f}" if isinstance(value, float) else str(value)) for name, value in answer.items()]
    emit(answer, as_json=as_json, table=rows_table("Quality", ("figure", "value"), rows))


def _compiled(pattern: str) -> str:
    try:
        if not re.compile(pattern).groups:
            fail(f"--pattern {pattern}: needs a group in brackets around the truth")
    except re.error as error:
        fail(f"--pattern {pattern}: no regular expression: {error}")
    return pattern


def _write(frame: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".csv":
        frame.write_csv(path)
    else:
        fail(f"{path.name}: write to a .csv or a .parquet file")
    console.print(f"{path}: {frame.height:,} rows")
