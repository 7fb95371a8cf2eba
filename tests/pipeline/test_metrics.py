"""Every figure of the company against the landed rows, and `scrm why` on each of them.

Accidents it prevents: two pages with two answers, a sum that forgets a store or a month, buyers that are added up, a
day in the wrong time zone, a region that takes what its store sold before it came there, and an explanation whose rows
do not make the figure.
"""

import json
import shutil
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from models.documents.metrics import Figure, Kind, glossary
from models.serving import Snapshots, Viewer, run
from pipelines.cli import app
from pipelines.commands.why import published
from pipelines.lake import Lake
from pipelines.origins import ORIGINS, landed_rows
from pipelines.tracing import Place, opened, trace
from pipelines.warehouse import DATABASE
from tests.conftest import ID_KEY, Company
from tests.metrics_company import CHANGED_ON, FROM, MOVED_ON, TO, enlarge
from tests.metrics_oracle import KEY, Oracle

KNOWN = glossary()
KEPT = [figure for figure in KNOWN.figures if figure.is_stored]
#: no chat and no merged customer is in the sample: unit tests of dbt and of the scope hold these
ABSENT = {"messages_received", "messages_sent", "identity_merges", "identity_splits"}


@pytest.fixture(scope="module")
def company(published_sample: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The sample with what it lacks (``enlarge``); the run of its newest day."""
    home = tmp_path_factory.mktemp("metrics") / "home"
    shutil.copytree(published_sample.home, home)
    enlarge(Lake(home / "lake"))
    found = Company(home)
    found.scrm("run")
    return found


@pytest.fixture(scope="module")
def metrics(company: Company) -> pl.DataFrame:
    """The published figures."""
    whole = Snapshots(company.settings.published_dir).current()
    return whole.query("select * from metrics", {}).select(*KEY, "value").sort(KEY)


@pytest.fixture
def ask(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """``scrm why …`` in this process: exit code and answer."""
    monkeypatch.setenv("SCRM_HOME", str(company.home))
    monkeypatch.setenv("SCRM_ID_KEY", ID_KEY)

    def call(*arguments: str, expect: int = 0) -> dict:
        done = CliRunner().invoke(app, ["why", *arguments, "--json"])
        assert done.exit_code == expect, done.output
        return json.loads(done.stdout) if expect == 0 else {"said": done.stderr}

    yield call


def test_every_figure_of_every_period_and_place_is_that_of_the_landed_rows(company: Company, metrics: pl.DataFrame):
    expected = Oracle(company.settings).figures()
    assert set(expected["metric"]) == {figure.id for figure in KEPT} - ABSENT
    for name, told in metrics.group_by("metric"):
        mine = expected.filter(pl.col("metric") == name[0])
        assert_frame_equal(told.sort(KEY), mine.sort(KEY))
    assert metrics.height == expected.height > 60_000


def test_every_published_figure_stands_in_the_glossary_with_its_places(metrics: pl.DataFrame):
    for (metric, place), _ in metrics.group_by("metric", "dimension_kind"):
        assert place in KNOWN[metric].dimensions
        assert KNOWN[metric].is_stored
    currencies = metrics.group_by("metric").agg((pl.col("currency") != "").all().alias("has_currency"))
    for metric, has_currency in currencies.iter_rows():
        assert KNOWN[metric].has_currency == has_currency, metric


def _samples(figure: Figure, metrics: pl.DataFrame) -> list[tuple[Place, bool]]:
    """Of each kind of period and place the first, the last and one in the middle of what was published.

    And the regions and channels of a changed store, in the month before.
    """
    found = []
    mine = metrics.filter(pl.col("metric") == figure.id)
    for (kind, dimension), rows in mine.group_by("period_kind", "dimension_kind", maintain_order=True):
        for row in {0, rows.height // 2, rows.height - 1}:
            start, which = rows["period_start"][row], rows["dimension_id"][row]
            last = start.replace(day=monthrange(start.year, start.month)[1]) if kind == "month" else start
            found.append((Place(start, last, dimension, which), kind == "month"))
    last = CHANGED_ON - timedelta(days=1)
    before = [("region", "华东"), ("region", "华南"), ("channel", "online"), ("channel", "store")]
    asked = [(Place(last.replace(day=1), last, *one), True) for one in before if one[0] in figure.dimensions]
    return asked + found


@pytest.mark.parametrize("figure", [one for one in KEPT if one.id not in ABSENT], ids=lambda one: one.id)
def test_the_rows_behind_a_figure_make_it_and_lead_to_landed_rows(
    company: Company, metrics: pl.DataFrame, figure: Figure
):
    settings = company.settings
    snapshot = Snapshots(settings.published_dir).current()
    connection, plan = opened(settings.promoted_dir)
    lake = Lake(settings.lake_dir)
    assert figure.rows is not None
    with connection:
        asked = _samples(figure, metrics)
        assert len(asked) > 3
        for place, monthly in asked:
            told = published(snapshot, figure, place, monthly)
            traced = trace(connection, figure, place, plan, 2)
            assert {code: value for code, value in traced.totals.items() if value} == {
                code: value for code, value in told.items() if value
            }, place
        if figure.rows.mart in ORIGINS:
            landed = landed_rows(connection, figure.rows.mart, traced.shown, settings.promoted_dir / "inputs", lake)
            assert all(landed) and len(landed) == traced.shown.height > 0
            for source in (one for rows in landed for one in rows):
                assert lake.entries()[source.seq - 1].source == source.source
                (path,) = source.path.split(", ")
                row = pl.read_parquet(lake.root / path).filter(pl.col("_row") == source.row)
                assert row.height >= 1, "the row that is named is in the file that is named"


def test_a_stock_leaves_a_store_with_the_employee(ask):
    def friends(store: str, day: date) -> int:
        told = ask("wecom_friends", "--on", str(day), "--store", store, "--rows", "0")
        assert told["adds_up"]
        return told["value"][""]

    before, after = ([friends(store, day) for store in (FROM, TO)] for day in (MOVED_ON - timedelta(days=1), MOVED_ON))
    moved = before[0] - after[0]
    assert moved == after[1] - before[1] > 5


def test_a_line_that_came_again_is_told_with_its_second_batch(ask, metrics: pl.DataFrame):
    told = ask("sales_amount", "--month", "2026-06", "--currency", "USD", "--rows", "50")
    (part,) = told["made_of"]
    assert told["adds_up"] and part["rows_count"] == 10
    assert {source["source"] for row in part["rows"] for source in row["landed"]} == {"test:metrics"}
    assert part["models"][:3] == ["serve_metrics", "metrics", "metric_days__sales"]
    assert part["models"][-1] == "lake.orders"
    told = ask("sales_amount", "--on", "2025-08-01", "--rows", "1")
    (source,) = told["made_of"][0]["rows"][0]["landed"]
    assert source["file"] == "orders.csv" and source["row"] > 0


def test_a_derived_figure_shows_its_parts_and_is_their_quotient(ask, metrics: pl.DataFrame):
    told = ask("average_order_value", "--month", "2026-05", "--rows", "0")
    sums = {part["metric"]: part["published"] for part in told["made_of"]}
    for code, value in told["value"].items():
        assert abs(value - sums["sales_amount"][code] / sums["orders"][code]) <= 0.5
    assert told["adds_up"] and {"CNY", "HKD"} <= set(told["value"])


def test_figures_without_history_are_told_as_they_stand_now(ask, company: Company):
    snapshot = Snapshots(company.settings.published_dir).current()
    states = dict(run(snapshot, "metric_states", Viewer.owner_of_the_company()).iter_rows())
    assert set(states) == {one.id for one in KNOWN.figures if one.kind is Kind.STATE}
    for metric, value in states.items():
        told = ask(metric, "--rows", "1")
        assert told["adds_up"] and told["value"] == {"": value}
    assert "as it stands now" in ask("customers", "--on", "2026-06-01", expect=1)["said"]


def test_what_cannot_be_asked_is_said(ask):
    assert "no figure is called 'sales'" in ask("sales", expect=1)["said"]
    assert "not kept by store" in ask("consents_granted", "--store", "S001", expect=1)["said"]
    ask("orders", "--store", "S001", "--region", "华东", expect=2)
    ask("orders", "--on", "2026-06-01", "--month", "2026-06", expect=2)
    none = ask("orders", "--on", "2020-01-01")
    assert none["value"] == {} and none["adds_up"]


def test_rows_that_do_not_make_the_figure_are_said_to_and_a_foreign_warehouse_is_refused(
    company: Company, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    shutil.copytree(company.home, home)
    monkeypatch.setenv("SCRM_HOME", str(home))
    database = home / "warehouse" / "promoted" / DATABASE
    with duckdb.connect(str(database)) as connection:
        day = connection.sql("select max(sold_at) from order_lines where is_sale").fetchall()[0][0].date()
        connection.execute(f"delete from order_lines where is_sale and sold_at >= '{day}'")
    done = CliRunner().invoke(app, ["why", "order_lines", "--month", f"{day:%Y-%m}"])
    assert done.exit_code == 1 and "NO" in done.stderr
    plan = home / "warehouse" / "promoted" / "run.json"
    plan.write_text(plan.read_text().replace(str(date(2026, 7, 1)), "2026-06-30"))
    done = CliRunner().invoke(app, ["why", "order_lines"])
    assert done.exit_code == 1 and "the warehouse of 2026-06-30" in done.stderr
