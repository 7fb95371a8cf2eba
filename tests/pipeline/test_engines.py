"""The two engines: whatever Spark builds of the sample is what DuckDB builds of it, row for row and type for type.

Accidents it prevents: a word of SQL that one engine reads in another way (nulls sorted elsewhere, a half rounded down,
a type that is narrower), found by a company only when it has outgrown one machine; and a comparison that compares
nothing.
"""

import json
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.contracts.published import PUBLISHED
from models.serving.pointer import read_pointer
from pipelines.demo import demo_settings
from pipelines.engines import missing_for_spark
from pipelines.warehouse import ENGINE_CONFIG, attach
from tests.conftest import Company

SHOWN = 3  # differing rows named for each table
Keys = dict[str, tuple[str, ...]]


def differences(left: Path, right: Path, keys: Keys, schema: str = "main") -> list[str]:
    """Compare every table of two warehouse folders or snapshot files, both ways. Empty: they hold the same.

    Names the table, and the key, column and both values of the first differing rows; ``keys`` gives a table's key
    (all of its columns, when it is not there).
    """
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        for name, place in (("left_side", left), ("right_side", right)):
            if place.is_dir():
                attach(connection, place, name)
            else:
                connection.execute(f"attach '{place}' as {name} (read_only)")
        names = {side: _tables(connection, side, schema) for side in ("left_side", "right_side")}
        found = [f"{table}: on one side only" for table in sorted(names["left_side"] ^ names["right_side"])]
        for table in sorted(names["left_side"] & names["right_side"]):
            found += _compared(connection, table, keys.get(table, ()))
        return found


def _tables(connection: duckdb.DuckDBPyConnection, side: str, schema: str) -> set[str]:
    listed = connection.sql(
        "select table_name from information_schema.tables where table_catalog = $side and table_schema = $schema",
        params={"side": side, "schema": schema},
    ).fetchall()
    return {name for (name,) in listed}


def _compared(connection: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...]) -> list[str]:
    left, right = (connection.table(f"{side}.{table}") for side in ("left_side", "right_side"))
    types = [dict(zip(side.columns, map(str, side.types), strict=True)) for side in (left, right)]
    if types[0] != types[1]:
        return [
            f"{table}.{column}: type {types[0].get(column)} and {types[1].get(column)}"
            for column in {**types[0], **types[1]}
            if types[0].get(column) != types[1].get(column)
        ]
    columns = ", ".join(f'"{column}"' for column in left.columns)
    only = [
        connection.sql(f"select {columns} from {one}.{table} except all select {columns} from {other}.{table}").pl()
        for one, other in (("left_side", "right_side"), ("right_side", "left_side"))
    ]
    if only[0].is_empty() and only[1].is_empty():
        return []
    return [f"{table}: {only[0].height} rows only left, {only[1].height} only right", *_first(table, only, key)]


def _first(table: str, only: list[pl.DataFrame], key: tuple[str, ...]) -> list[str]:
    """The first rows that differ: their key, and the columns that differ between the two rows of that key."""
    named = list(key) or only[0].columns
    first = pl.concat(only).select(named).unique().sort(named).head(SHOWN)
    words = []
    for values in first.iter_rows(named=True):
        same = [
            frame.filter(*(pl.col(column).eq_missing(pl.lit(value)) for column, value in values.items())).to_dicts()
            for frame in only
        ]
        if not (same[0] and same[1]):
            words.append(f"{table} {values}: only {'left' if same[0] else 'right'}")
            continue
        pairs = ((column, same[0][0][column], same[1][0][column]) for column in only[0].columns)
        words += [
            f"{table} {values}: {column} is {one!r} and {other!r}" for column, one, other in pairs if one != other
        ]
    return words


def written(folder: Path, **tables: str) -> Path:
    """A warehouse folder as Spark leaves it: a folder of Parquet for each table."""
    for table, select in tables.items():
        place = folder / "spark" / "main.db" / table
        place.mkdir(parents=True)
        duckdb.sql(select).write_parquet(str(place / "part-0.parquet"))
    return folder


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("select 1 as id, 5::bigint as amount union all select 2, 7", []),
        (
            "select 1 as id, 5::bigint as amount union all select 2, 8",
            ["t: 1 rows only left, 1 only right", "t {'id': 2}: amount is 7 and 8"],
        ),
        (
            "select 1 as id, 5::bigint as amount",
            ["t: 1 rows only left, 0 only right", "t {'id': 2}: only left"],
        ),
        (
            "select 1 as id, 5::bigint as amount union all select 2, 7 union all select 2, 7",
            ["t: 0 rows only left, 1 only right", "t {'id': 2}: only right"],
        ),
        ("select 1 as id, 5::int as amount union all select 2, 7", ["t.amount: type BIGINT and INTEGER"]),
        (
            "select 1 as id, 5::bigint as amount union all select 2, null",
            ["t: 1 rows only left, 1 only right", "t {'id': 2}: amount is 7 and None"],
        ),
    ],
    ids=["equal", "value", "row-missing", "row-twice", "type", "null"],
)
def test_the_comparison_names_what_differs(tmp_path: Path, other: str, words: list[str]) -> None:
    left = written(tmp_path / "left", t="select 1 as id, 5::bigint as amount union all select 2, 7")
    assert differences(left, written(tmp_path / "right", t=other), {"t": ("id",)}) == words


def test_the_comparison_misses_no_table(tmp_path: Path) -> None:
    left = written(tmp_path / "left", t="select 1 as id", u="select 1 as id")
    right = written(tmp_path / "right", t="select 1 as id")
    assert differences(left, right, {}) == ["u: on one side only"]


@pytest.mark.skipif(not missing_for_spark(), reason="Spark is installed here")
def test_a_missing_engine_is_named_before_anything_starts(company: Company) -> None:
    told = company.scrm("run", "--engine", "spark", expect=1)
    assert "the engine spark cannot run here" in told.stderr and "docs/engines.md" in told.stderr
    assert not (company.home / "warehouse").exists()


@pytest.fixture(scope="module")
def both(published_sample: Company, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Company, dict]:
    """The sample as DuckDB built it, as Spark builds it from a copy of the same lake, and the report of Spark's run."""
    if reason := missing_for_spark():
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("spark") / "home"
    shutil.copytree(published_sample.home, home)
    for folder in ("warehouse", "published"):  # whatever is compared, Spark's run has made
        shutil.rmtree(home / folder)
    pointer = read_pointer(published_sample.settings.published_dir)
    assert pointer is not None
    spark = Company(home)
    pair = ("--business-date", pointer.business_date.isoformat(), "--to-seq", str(pointer.sequence))
    # half the compiling: a minute's machine has no use for the best code
    options = json.dumps({"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"})
    demo = demo_settings(home)  # the sample was published by `scrm demo`, under its name and key
    here = {
        "SCRM_COMPANY": demo.company,
        "SCRM_ID_KEY": demo.id_key.get_secret_value(),
        "SCRM_SPARK__MASTER": "local[2]",
        "SCRM_SPARK__OPTIONS": options,
    }
    report = spark.scrm_json("run", "--engine", "spark", *pair, **here)
    return published_sample, spark, dict(report)


def grains(company: Company) -> Keys:
    """The key of each model, as dbt held it in the run."""
    manifest = json.loads((company.settings.promoted_dir / "dbt" / "manifest.json").read_text())
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    return {model["name"]: tuple(model["config"]["meta"].get("grain", ())) for model in models}


@pytest.mark.slow
@pytest.mark.spark
def test_every_table_that_dbt_builds_is_equal(both: tuple[Company, Company, dict]) -> None:
    on_duckdb, on_spark, _ = both
    assert not (on_spark.settings.promoted_dir / "warehouse.duckdb").exists(), "Spark's run must not use DuckDB's file"
    assert differences(on_duckdb.settings.promoted_dir, on_spark.settings.promoted_dir, grains(on_duckdb)) == []


@pytest.mark.slow
@pytest.mark.spark
def test_every_published_table_is_equal(both: tuple[Company, Company, dict]) -> None:
    snapshots = [next(company.settings.published_dir.glob("serve-*.duckdb")) for company in both[:2]]
    keys = {table.name: table.ordered_by for table in PUBLISHED.values()}
    assert differences(snapshots[0], snapshots[1], keys) == []


@pytest.mark.slow
@pytest.mark.spark
def test_readers_of_the_company_do_not_notice(both: tuple[Company, Company, dict]) -> None:
    """The same pair, decided outcomes already in the lake: the run on the other engine decides nothing anew."""
    on_duckdb, on_spark, report = both
    manifests = [(company.home / "lake" / "manifest.jsonl").read_bytes() for company in (on_duckdb, on_spark)]
    assert manifests[0] == manifests[1]
    assert report["steps"]["tables_of_facts"] > 0
