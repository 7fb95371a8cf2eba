"""Settlement of a year of a large chain: split between up to eight parties, tiers, fees, ledger, statements.

Tables on disk, the project's own models by dbt with their keys held and without their tests; how many lines says
SCRM_BENCH_LINES, how much memory SCRM_WAREHOUSE_MEMORY. The alternatives split the same million lines and nothing
else: a loop in exact decimals, as a script would have it, and polars with all columns at once.
"""

import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from models.contracts import CONTRACTS
from models.documents.payouts import MINIMUMS_SCHEMA
from models.documents.settlement import SettlementDocument
from models.documents.tax import TaxDocument
from models.settlement.taxes import tax_tables
from models.settlement.versions import Version, compile_versions
from pipelines.dbt import environment
from tests import dbt_runs
from tests.ledger_tables import DECIDED

BOOK = Path(__file__).with_name("settlement_rulebook.yaml")
PARTIES = ((125_000, 22_500, 11_000, 33_333, 33_300, 15_000, 7_500), 1_000_000)
YEAR = 365
#: Everything follows from row numbers: 500 stores, one line in twenty is refunded in part, all of one year.
_LINES = """
    select printf('L%010d', i) as order_line_id, printf('O%010d', i // 2) as order_key, (i % 2)::varchar as line_no,
        (1 + i % 3)::decimal(18, 3) as quantity, printf('S%03d', (i // 2 * 7919) % 500) as store_id,
        case when i % 5 > 0 then printf('P%04d', (i // 2 * 104729) % 3000) end as salesperson_id, 'CNY' as currency,
        (100 + (i * 37) % 90000)::bigint as paid_amount, true as is_sale, null::varchar as product_id,
        null::bigint as order_points_amount,
        timestamp '2025-07-01 04:00:00' + to_seconds((i // 2 * 7907) % ($days * 86400)) as sold_at
    from range($first, $last) r(i)
"""
_REFUNDS = """
    select 'R' || order_line_id as refund_line_id, order_key, order_line_id, store_id, 'LINKED' as link_state, currency,
        paid_amount // 3 as refund_amount, (sold_at + interval 40 hour)::date as refunded_on,
        sold_at + interval 32 hour as refunded_at
    from order_lines where hash(order_line_id) % 20 = 0
"""
_STORES = """
    select printf('S%03d', i) as store_id, 'Asia/Shanghai' as timezone, 'R' || (i % 12) as region, 'CN' as country,
        null::varchar as city, case when i % 10 < 6 then 'franchise' when i % 10 < 8 then 'online' else 'direct' end
        as store_type, 'tea' as business_type, null::varchar as agent_id,
        date '1900-01-01' as valid_from, date '9999-12-31' as valid_to
    from range(500) r(i)
"""
# one currency, one rate of tax: neither categories nor rates of exchange
_PRODUCTS = "product_id varchar, tax_category varchar"
_RATES = "rate_date date, base_currency varchar, quote_currency varchar, source varchar, rate decimal(18, 9)"
SPLIT = ("settlement_postings", "settlement_rate_splits", "settlement_refund_splits", "settlement_entries")
COMPARED = 1_000_000


def measure() -> dict[str, object]:
    """Seconds of all models, of the split stage, peak memory; and the two alternatives on a million lines."""
    lines = int(os.environ.get("SCRM_BENCH_LINES", "2000000"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (lines,))


def _measure(lines: int) -> dict[str, object]:
    os.environ.setdefault("SCRM_WAREHOUSE_MEMORY", "6GB")
    with tempfile.TemporaryDirectory() as scratch:
        alike = _alternatives(Path(scratch) / "alike")
        folder = Path(scratch) / "year"
        _draw(folder, 0, lines, YEAR)
        whole = _models(folder)
        result: dict[str, object] = {"lines": lines, "entries": _count(folder)} | _told(whole)
        result["peak_rss_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 1)
        return result | {"compared": alike}


def _told(models: Mapping[str, float]) -> dict[str, object]:
    return {
        "split_seconds": round(sum(models[name] for name in SPLIT), 1),
        "seconds": round(sum(models.values()), 1),
        "models": {name: round(spent, 2) for name, spent in models.items() if spent > 0.05},
    }


def _draw(folder: Path, first: int, last: int, days: int) -> None:
    folder.mkdir()
    with duckdb.connect(str(folder / "warehouse.duckdb"), config={"preserve_insertion_order": False}) as connection:
        bounds = {"$first": str(first), "$last": str(last), "$days": str(days)}
        statement = _LINES
        for name, value in bounds.items():
            statement = statement.replace(name, value)
        connection.execute(f"create table order_lines as {statement}")
        connection.execute(f"create table refunds as {_REFUNDS}")
        connection.execute(f"create table store_periods as {_STORES}")
        connection.execute("create table stores as select store_id, timezone from store_periods")
        connection.execute(f"create table stg_files__products ({_PRODUCTS})")
        connection.execute(f"create table stg_files__fx_rates ({_RATES})")
    run = {"business_date": [date(2026, 7, 1)], "as_of": [datetime(2026, 6, 30, 16)], "company_timezone": ["UTC"]}
    rules = compile_versions([Version(SettlementDocument.load(BOOK), 1)]) | tax_tables(TaxDocument(name="none"))
    inputs = rules | {
        "run": pl.DataFrame(run),
        "settlement_minimums": pl.DataFrame(schema=MINIMUMS_SCHEMA),
        "statement_events": CONTRACTS["statement_events"].empty(),
        **{name: CONTRACTS[name].empty() for name in DECIDED},
    }
    for name, frame in inputs.items():
        path = folder / "inputs" / name / "rows.parquet"
        path.parent.mkdir(parents=True)
        frame.write_parquet(path)


def _models(folder: Path, *more: str) -> dict[str, float]:
    """Seconds of each model that makes a table, as dbt tells them."""
    chosen = ("path:models/settlement", "stg_store__statement_events")
    arguments = ("run", "--select", *chosen, "--exclude", "path:models/settlement/reconciliation", *more)
    with environment({"SCRM_BUILDING": str(folder), "SCRM_WAREHOUSE": str(folder / "warehouse.duckdb")}):
        done = dbt_runs.project().invoke(arguments, folder / "target")
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if not done.success:
        raise RuntimeError(f"dbt: {done.exception or [r.message for r in done.result if str(r.status) != 'success']}")  # type: ignore[union-attr]
    return {one.node.name: one.execution_time for one in done.result if one.node.resource_type == "model"}  # type: ignore[union-attr]


def _count(folder: Path) -> int:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        (found,) = connection.sql("select count(*) from settlement_entries").fetchall()[0]
    return int(found)


# ---- the alternatives


def _alternatives(folder: Path) -> dict[str, object]:
    """Seconds to split a million lines between eight parties: the model, polars, the loop; and whether all agree."""
    _draw(folder, 0, COMPARED, YEAR)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("delete from refunds")
        connection.execute("update store_periods set store_type = 'franchise'")
        connection.execute("update order_lines set salesperson_id = 'P'")
        amounts = connection.sql("select paid_amount from order_lines order by order_line_id").pl()["paid_amount"]
    models = _models(folder)
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        columns = ", ".join(f"floor_{n} + rounding_{n}" for n in range(1, 9))
        by_model = connection.sql(f"select {columns} from settlement_rate_splits order by line_id").pl()
    started = time.perf_counter()
    by_polars = _by_polars(amounts)
    polars_seconds = time.perf_counter() - started
    started = time.perf_counter()
    by_loop = [_by_loop(amount) for amount in amounts]
    loop_seconds = time.perf_counter() - started
    agree = by_model.rows() == by_polars.rows() == by_loop
    shutil.rmtree(folder)
    mine = models["settlement_rate_splits"]
    return {
        "lines": COMPARED,
        "agree": agree,
        "model_seconds": round(mine, 2),
        "polars_seconds": round(polars_seconds, 2),
        "loop_seconds": round(loop_seconds, 1),
        "times_faster_than_loop": round(loop_seconds / mine),
        "times_of_polars": round(mine / polars_seconds, 2),
    }


def _by_loop(amount: int) -> tuple[int, ...]:
    rates, whole = PARTIES
    shares = [Decimal(rate) for rate in rates]
    shares.append(Decimal(whole) - sum(shares))
    exact = [Decimal(amount) * share / whole for share in shares]
    cut = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda at: (cut[at] - exact[at], at))
    for at in order[: amount - sum(cut)]:
        cut[at] += 1
    return tuple(cut)


def _by_polars(amounts: pl.Series) -> pl.DataFrame:
    rates, whole = PARTIES
    weights = [*rates, whole - sum(rates)]
    base = pl.col("paid_amount")
    frame = amounts.to_frame().lazy()
    frame = frame.with_columns((base * weight // whole).alias(f"f{n}") for n, weight in enumerate(weights))
    frame = frame.with_columns((base * weight % whole).alias(f"r{n}") for n, weight in enumerate(weights))
    left = base - pl.sum_horizontal(f"f{n}" for n in range(len(weights)))
    ranks = [
        pl.sum_horizontal(
            (pl.col(f"r{other}") >= pl.col(f"r{n}") if other < n else pl.col(f"r{other}") > pl.col(f"r{n}"))
            for other in range(len(weights))
            if other != n
        )
        for n in range(len(weights))
    ]
    shares = [pl.col(f"f{n}") + (rank < left).cast(pl.Int64) for n, rank in enumerate(ranks)]
    return frame.select(share.alias(f"a{n}") for n, share in enumerate(shares)).collect()
