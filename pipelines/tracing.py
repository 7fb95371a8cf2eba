"""Why a figure is what it is: its rows in the promoted warehouse, and the dbt models that lead to it."""

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from models.documents.metrics import OF_STORE, Figure, Kind, Rows
from models.errors import ExpectedError
from pipelines.plan import RunPlan
from pipelines.warehouse import ENGINE_CONFIG, attach

PUBLISHED = "serve_metrics"  # the dbt model that holds the figures of all periods and places
_PLACES = {
    "store": "metric_store",
    "region": "metric_region",
    "channel": "metric_channel",
    "party_role": "metric_party",
}


class CannotTraceError(ExpectedError):
    """The rows behind a figure cannot be shown; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where and when: a period (both days in it), a dimension with its id, one currency or all."""

    first: date
    last: date
    dimension: str = "company"
    dimension_id: str = ""
    currency: str | None = None


@dataclass(frozen=True)
class Traced:
    """``totals``: by currency, what the rows make. ``shown``: the first rows of the mart, by their key."""

    totals: dict[str, int]
    rows_count: int
    shown: pl.DataFrame


def opened(promoted: Path) -> tuple[duckdb.DuckDBPyConnection, RunPlan]:
    """The promoted warehouse as ``built``, of either engine, and the run that built it. Raises CannotTraceError."""
    if not promoted.exists():
        raise CannotTraceError("there is no promoted warehouse; `scrm run` builds one")
    connection = duckdb.connect(config=ENGINE_CONFIG)
    connection.execute("set TimeZone = 'UTC'")
    attach(connection, promoted, "built")
    connection.execute("use built")
    return connection, RunPlan.read(promoted)


def trace(connection: duckdb.DuckDBPyConnection, figure: Figure, place: Place, plan: RunPlan, limit: int) -> Traced:
    """The rows behind a counted figure: what they make, by currency, and the first ``limit`` of them."""
    rows = figure.rows
    if rows is None:
        raise CannotTraceError(f"{figure.id} is made of other figures: {', '.join(figure.parts.every)}")  # type: ignore[union-attr]
    located = _located(figure, rows, place)
    bound = {
        "first": place.first,
        "last": place.last,
        "zone": plan.company_timezone,
        "dimension_id": place.dimension_id,
        "currency": place.currency,
    }

    def ask(sql: str) -> duckdb.DuckDBPyRelation:
        names = [name for name in bound if re.search(rf"\${name}\b", sql)]
        return connection.sql(sql, params={name: bound[name] for name in names})

    totals_sql = f"select metric_currency, {rows.measure}, count(*) from ({located}) group by 1 order by 1"  # noqa: S608
    rows_sql = f"""
        select * exclude (metric_store, metric_region, metric_channel, metric_party, metric_currency)
        from ({located}) order by {", ".join(rows.key)} limit {int(limit)}
    """  # noqa: S608 - expressions of the shipped glossary
    counted, shown = ask(totals_sql).fetchall(), ask(rows_sql).pl()
    totals = {currency: int(value) for currency, value, _ in counted if value is not None}
    return Traced(totals, sum(count for *_, count in counted), shown)


def _located(figure: Figure, rows: Rows, place: Place) -> str:
    """The mart's rows with the day and the places in which each counts, cut to those that were asked for."""
    moment = rows.moment or "null::timestamp"
    day = (
        "placed.metric_day"
        if rows.day
        else "cast(timezone(coalesce(stores.timezone, $zone), timezone('UTC', placed.metric_moment)) as date)"
    )
    channel = (
        "case places.store_type when 'online' then 'online' when 'undeclared' then 'undeclared' else 'store' end"
        if rows.channel == OF_STORE
        else "dated.metric_channel"
    )
    dated = figure.kind in (Kind.SUM, Kind.DISTINCT)
    asked = "dated.metric_on" if dated else "$last"
    wanted = ["metric_on between $first and $last"] if dated else []
    if place.dimension != "company":
        wanted.append(f"{_PLACES[place.dimension]} = $dimension_id")
    if place.currency is not None and rows.currency is not None:
        wanted.append("metric_currency = $currency")
    # Every column that is named here would hide one of the mart: they all begin with metric_. A store is what it was on
    # the row's day; what stands, on the last day that was asked for.
    return f"""
        select * exclude (metric_moment, metric_day) from (
            select
                dated.* exclude (metric_region, metric_channel),
                {"dated.metric_region" if rows.region else "places.region"} as metric_region,
                {channel} as metric_channel
            from (
                select
                    placed.* exclude (metric_store),
                    stores.store_id as metric_store,
                    {day} as metric_on
                from (
                    select
                        r.*,
                        {rows.store or "null::varchar"} as metric_store,
                        {rows.region or "null::varchar"} as metric_region,
                        {(rows.channel if rows.channel not in (None, OF_STORE) else None) or "null::varchar"}
                            as metric_channel,
                        {rows.currency or "''"} as metric_currency,
                        {rows.party_role or "null::varchar"} as metric_party,
                        {moment} as metric_moment,
                        {rows.day or "null::date"} as metric_day
                    from built.{rows.mart} as r
                    where {rows.where}
                ) as placed
                left join built.stores on stores.store_id = placed.metric_store
            ) as dated
            left join built.store_periods as places
                on places.store_id = dated.metric_store
                and places.valid_from <= {asked} and {asked} < places.valid_to
        )
        where {" and ".join(wanted) or "true"}
    """  # noqa: S608 - expressions of the shipped glossary


def road(manifest: Path, rows: Rows, datasets: Sequence[str]) -> list[str]:
    """dbt models between a published figure and what landed, downstream first: the shortest ways.

    From the published figures over the model that counts this one to the table of its rows, and on to the landed
    datasets. A figure that is not kept begins at the table of its rows. Raises CannotTraceError.
    """
    mart = rows.mart
    parents = json.loads(manifest.read_text(encoding="utf-8"))["parent_map"]
    named = {_name(node): node for node in parents if node.startswith(("model.", "source."))}
    end = named.get(mart)
    if end is None or (rows.model is not None and rows.model not in named):
        raise CannotTraceError(f"{mart} is not a model of this release: the glossary is newer than the warehouse")
    found = [end]
    if rows.model is not None:
        counted = named[rows.model]
        found = [*(_way(parents, named[PUBLISHED], counted) or []), *(_way(parents, counted, end) or [end])]
    for dataset in datasets:
        way = _way(parents, end, named[f"lake.{dataset}"]) if f"lake.{dataset}" in named else None
        found += way[1:] if way else []
    return [_name(node) for node in dict.fromkeys(found)]


def _way(parents: Mapping[str, list[str]], start: str, end: str) -> list[str] | None:
    """The shortest way upstream from one node to another; None: it is not upstream of it."""
    came: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        if node == end:
            way: list[str] = []
            step: str | None = node
            while step is not None:
                way.append(step)
                step = came[step]
            return way[::-1]
        for parent in sorted(parents.get(node, ())):
            if parent not in came:
                came[parent] = node
                waiting.append(parent)
    return None


def _name(node: str) -> str:
    """``model.siyu.orders`` → ``orders``; ``source.siyu.lake.orders`` → ``lake.orders``."""
    parts = node.split(".")
    return ".".join(parts[2:])
