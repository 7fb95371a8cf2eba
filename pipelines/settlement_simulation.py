"""A draft of the settlement rulebook on past facts: who would get more and who less, before it is published.

The same SQL as a run's, in a scratch warehouse on the facts of the last promoted run. It writes nothing else.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from models.documents.settlement import SettlementDocument
from models.errors import ExpectedError
from models.files import write_parquet
from models.settings import PROJECT_ROOT, Settings
from models.settlement.versions import Version, compile_versions
from pipelines.dbt import FAILED, DbtFailedError, DbtProject, environment
from pipelines.engines import DuckDB
from pipelines.plan import PLAN_FILE, RunPlan
from pipelines.rulebooks import RulebookRefusedError, ground, known_versions, problems_of
from pipelines.warehouse import DATABASE, ENGINE_CONFIG, INPUTS, attach
from pipelines.workspace import Workspace

ORDERS = 200  # how many of the orders that change are told, those with the largest change first
_STAGE = ["siyu", "settlement"]  # folder of the models that split; closing and reconciliation are below it
_PARENTS = ("order_lines", "refunds", "stg_files__fx_rates", "stg_files__products", "store_periods", "stores")

# What parties get and give, in the currency in which it is settled. Rows without a rate of exchange are held back.
_MOVES = """
    create temp view {name}_moves as
    with moves as (
        select entry_id, order_key, store_id, 'split' as component, rule_id, party_role, party_id, currency, amount,
            true as counts, economic_date
        from {name}.settlement_entries
        union all
        select entry_id, order_key, store_id, component, rule_id, party_role, party_id, currency, amount,
            side = 'party' as counts, economic_date
        from {name}.settlement_transfers
    )
    select moves.* replace (
        coalesce(moves.party_id, '') as party_id,
        coalesce(conversions.settle_currency, moves.currency) as currency,
        case when conversions.entry_id is null then moves.amount else conversions.settled_amount end as amount
    )
    from moves
    left join {name}.settlement_conversions as conversions on moves.entry_id = conversions.entry_id
    where moves.economic_date >= getvariable('first') and moves.economic_date < getvariable('until')
"""
_COMPARED = """
    with today as (select {keys}, sum(amount) as amount, count(*) as entries from built_moves {which} group by all),
    draft as (select {keys}, sum(amount) as amount, count(*) as entries from drafted_moves {which} group by all)
    select
        {keys},
        coalesce(today.amount, 0)::bigint as amount_before,
        coalesce(draft.amount, 0)::bigint as amount_after,
        (coalesce(draft.amount, 0) - coalesce(today.amount, 0))::bigint as difference,
        coalesce(today.entries, 0) as entries_before,
        coalesce(draft.entries, 0) as entries_after
    from today full join draft using ({keys})
    order by abs(difference) desc, {keys}
"""
_ORDERS = """
    with changes as (
        select order_key, store_id, currency, party_role, party_id,
            sum(amount_before)::bigint as amount_before, sum(amount_after)::bigint as amount_after
        from (
            select *, amount as amount_before, 0 as amount_after from built_moves
            union all by name
            select *, 0 as amount_before, amount as amount_after from drafted_moves
        )
        group by order_key, store_id, currency, party_role, party_id
        having amount_before <> amount_after
    ),
    ranked as (
        select *, sum(greatest(amount_after - amount_before, 0)) over (partition by order_key, currency) as moved
        from changes
    ),
    numbered as (select *, dense_rank() over (order by moved desc, order_key, currency) as place from ranked)
    select
        order_key, store_id, currency, moved::bigint as moved_amount, party_role, party_id,
        amount_before, amount_after, amount_after - amount_before as difference,
        (select count(distinct order_key) from changes) as orders_count
    from numbered
    where place <= $most
    order by place, party_role, party_id
"""
_UNSETTLED = """
    with facts as (
        select reason, economic_date, 1 as before, 0 as after from built.settlement_unsettled
        union all
        select reason, economic_date, 0 as before, 1 as after from drafted.settlement_unsettled
    )
    select reason, sum(before)::bigint as facts_before, sum(after)::bigint as facts_after
    from facts
    where economic_date >= getvariable('first') and economic_date < getvariable('until')
    group by reason
    order by reason
"""


class NothingToSimulateError(ExpectedError):
    """No run was promoted yet: there are no settled facts beside which a draft could be held."""


@dataclass(frozen=True)
class Simulation:
    """What a draft would change for facts from ``first`` up to, not including, ``until``; amounts in minor units.

    parties: grain (party_id, party_role, currency). rules: grain (component, rule_id, party_role, currency), what a
    rule gives to each role. orders: grain (order_key, currency, party_role, party_id), parties of an order that get
    another amount, of the orders with the largest ``moved_amount`` (what the gaining parties gain); orders_count is of
    all. unsettled: facts that are held back, before and after, by reason.
    """

    version: str
    effective_from: date
    first: date
    until: date
    parties: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    orders_count: int
    unsettled: list[dict[str, Any]]


def simulate(
    settings: Settings, draft: SettlementDocument, first: date, until: date, effective_from: date | None = None
) -> Simulation:
    """Settle the facts of the promoted run once more, as if ``draft`` were published from a day on (default: first).

    Raises RulebookRefusedError for a draft that does not hold over the stores on these days, NothingToSimulateError,
    DbtFailedError.
    """
    folder, begins = settings.promoted_dir, effective_from or first
    if not (folder / PLAN_FILE).exists():
        raise NothingToSimulateError("no run was promoted yet; `scrm run` first, then try a draft beside it")
    if problems := problems_of(draft, ground(settings), begins, max(until, begins)):
        told = "\n".join(problem.message for problem in problems)
        raise RulebookRefusedError(f"{draft.name} {draft.version} does not hold:\n{told}")
    seq = RunPlan.read(folder).to_seq
    versions = [*known_versions(Workspace(settings).lake, seq), Version(draft, seq + 1, begins)]
    place = settings.home / "scratch"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="settlement-draft-") as scratch:
        drafted = Path(scratch)
        _lay(folder, drafted, versions)
        _settle(drafted, settings)
        with _beside(folder, drafted, first, until) as connection:
            return _told(connection, draft, begins, first, until)


def _lay(folder: Path, drafted: Path, versions: list[Version]) -> None:
    """The facts of the promoted run, and the inputs of it but for the rules."""
    rules = compile_versions(versions)
    (drafted / INPUTS).mkdir()
    for one in (folder / INPUTS).iterdir():
        if one.name not in rules:
            (drafted / INPUTS / one.name).symlink_to(one.resolve(), target_is_directory=True)
    for name, frame in rules.items():
        (drafted / INPUTS / name).mkdir()
        write_parquet(frame, drafted / INPUTS / name / "rows.parquet")
    with duckdb.connect(str(drafted / DATABASE), config=ENGINE_CONFIG) as connection:
        attach(connection, folder, "built")
        for table in _PARENTS:
            connection.execute(f"create table {table} as from built.{table}")


def _settle(drafted: Path, settings: Settings) -> None:
    project = DbtProject(PROJECT_ROOT / "dbt_project")
    stage = [node.name for node in project.manifest.nodes.values() if node.fqn[:-1] == _STAGE]
    arguments = [
        "build",
        "--select",
        *stage,
        "--indirect-selection",
        "cautious",
        "--exclude-resource-type",
        "unit_test",
    ]
    places = {
        "SCRM_BUILDING": str(drafted),
        "SCRM_WAREHOUSE": str(drafted / DATABASE),
        "SCRM_WAREHOUSE_MEMORY": settings.warehouse_memory,
    }
    with environment(places):
        done = project.invoke(arguments, drafted / "target")
    DuckDB().release()
    if not done.success:
        failed = [f"{one.node.name}: {one.message}" for one in done.result or () if str(one.status) in FAILED]  # type: ignore[union-attr]
        raise DbtFailedError("; ".join(failed) or f"dbt could not start: {done.exception}") from done.exception


@contextmanager
def _beside(folder: Path, drafted: Path, first: date, until: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with both: ``built_moves`` and ``drafted_moves`` of the days that are compared."""
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, folder, "built")
        attach(connection, drafted, "drafted")
        connection.execute(f"set variable first = date '{first}'; set variable until = date '{until}'")
        for name in ("built", "drafted"):
            connection.execute(_MOVES.format(name=name))
        yield connection


def _told(
    connection: duckdb.DuckDBPyConnection, draft: SettlementDocument, begins: date, first: date, until: date
) -> Simulation:
    orders = connection.sql(_ORDERS, params={"most": ORDERS}).pl().to_dicts()
    return Simulation(
        version=draft.version,
        effective_from=begins,
        first=first,
        until=until,
        parties=_compared(connection, "party_id", "party_role", "currency"),
        # the two sides of a transfer cancel out: what a rule moves is its payees' side
        rules=_compared(connection, "component", "rule_id", "party_role", "currency", which="where counts"),
        orders=[{name: value for name, value in row.items() if name != "orders_count"} for row in orders],
        orders_count=orders[0]["orders_count"] if orders else 0,
        unsettled=_rows(connection, _UNSETTLED),
    )


def _compared(connection: duckdb.DuckDBPyConnection, *keys: str, which: str = "") -> list[dict[str, Any]]:
    return _rows(connection, _COMPARED.format(keys=", ".join(keys), which=which))


def _rows(connection: duckdb.DuckDBPyConnection, statement: str) -> list[dict[str, Any]]:
    found: pl.DataFrame = connection.sql(statement).pl()
    return found.to_dicts()
