"""``scrm why``: what a figure means, the rows that make it, the models between, and where the rows were landed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import duckdb
import polars as pl
import typer
from rich.console import Group, RenderableType

from models.documents.metrics import Figure, Glossary, Kind, glossary
from models.figures import needed, shown, values
from models.serving import Snapshot, Snapshots, Viewer, run
from models.settings import Settings
from pipelines.commands.output import FAILED, AsJson, emit, fail, plain, rows_table
from pipelines.lake import Lake
from pipelines.origins import Landed, datasets_of, landed_rows
from pipelines.plan import RunPlan
from pipelines.tracing import Place, Traced, opened, road, trace
from pipelines.workspace import Workspace

DAY = "%Y-%m-%d"
MONTH = "%Y-%m"
_ABOUT = ("store_id", "home_store_id", "customer_id", "party_role", "currency")  # shown beside key, day and measure


@dataclass(frozen=True)
class Behind:
    """One kept figure: what was published, what its rows make, and the rows."""

    figure: Figure
    published: dict[str, int]
    traced: Traced
    landed: list[tuple[Landed, ...]]
    models: list[str]

    @property
    def adds_up(self) -> bool:
        return _without_zeros(self.published) == _without_zeros(self.traced.totals)


def why(
    metric: Annotated[str, typer.Argument(help="the figure's id, as on the glossary page")],
    on: Annotated[datetime | None, typer.Option(help="a day; default: the last whole one", formats=[DAY])] = None,
    month: Annotated[datetime | None, typer.Option(help="a month instead: 2026-06", formats=[MONTH])] = None,
    store: Annotated[str | None, typer.Option(help="of one store, by its number")] = None,
    region: Annotated[str | None, typer.Option(help="of one region")] = None,
    channel: Annotated[str | None, typer.Option(help="of one channel")] = None,
    party_role: Annotated[str | None, typer.Option(help="of one role of the settlement's parties")] = None,
    currency: Annotated[str | None, typer.Option(help="in one currency; default: each")] = None,
    rows: Annotated[int, typer.Option(help="how many rows to show of each figure", min=0, max=1000)] = 10,
    as_json: AsJson = False,
) -> None:
    """Why a published figure is what it is: its meaning, its rows and whether they add up, down to the landed file.

    Example: `scrm why sales_amount --on 2026-06-30 --store S001 --rows 5`

    Exit codes: 0 the rows add up to the figure, 1 they do not, or nothing is published.
    """
    known = glossary()
    figure = _figure(known, metric)
    settings = Settings()
    snapshot = Snapshots(settings.published_dir).current()
    connection, plan = opened(settings.promoted_dir)
    if (plan.business_date, plan.to_seq) != (snapshot.pointer.business_date, snapshot.pointer.sequence):
        fail(
            f"the snapshot that is read is of {snapshot.pointer.business_date}, the warehouse of {plan.business_date}: "
            "a roll-back has no warehouse of its own; `scrm run` publishes the newest again"
        )
    place = _place(figure, plan, on, month, currency, _dimension(store, region, channel, party_role))
    with connection:
        workspace = Workspace(settings)
        parts = [
            _behind(connection, known[one], place, snapshot, plan, settings, workspace.lake, rows, month is not None)
            for one in needed(figure)
        ]
    kept = {(one.figure.id, code): value for one in parts for code, value in one.published.items()}
    answer = values(known, figure, kept)
    emit(_data(figure, place, answer, parts), as_json=as_json, table=_told(figure, place, answer, parts))
    if not all(one.adds_up for one in parts):
        raise typer.Exit(FAILED)


def _figure(known: Glossary, metric: str) -> Figure:
    try:
        return known[metric]
    except KeyError:
        fail(f"no figure is called {metric!r}; there are {', '.join(one.id for one in known.figures)}")


def _dimension(
    store: str | None, region: str | None, channel: str | None, party_role: str | None
) -> tuple[str, str] | None:
    given = {"store": store, "region": region, "channel": channel, "party_role": party_role}
    named = [(name, value) for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise typer.BadParameter("give one of --store, --region, --channel and --party-role")
    return named[0] if named else None


def _place(
    figure: Figure,
    plan: RunPlan,
    on: datetime | None,
    month: datetime | None,
    currency: str | None,
    dimension: tuple[str, str] | None,
) -> Place:
    if on is not None and month is not None:
        raise typer.BadParameter("give --on or --month, not both")
    kind, dimension_id = dimension or ("company", "")
    if kind not in figure.dimensions:
        fail(f"{figure.id} is not kept by {kind}, only by {', '.join(figure.dimensions)}")
    if figure.kind is Kind.STATE and (on or month):
        fail(f"{figure.id} is known as it stands now, not of a day; leave --on and --month away")
    first = (month or on or datetime.combine(plan.business_date - timedelta(days=1), datetime.min.time())).date()
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) if month else first
    return Place(first, last, kind, dimension_id, currency)


def _behind(
    connection: duckdb.DuckDBPyConnection,
    figure: Figure,
    place: Place,
    snapshot: Snapshot,
    plan: RunPlan,
    settings: Settings,
    lake: Lake,
    limit: int,
    monthly: bool,
) -> Behind:
    assert figure.rows is not None
    mart, promoted = figure.rows.mart, settings.promoted_dir
    traced = trace(connection, figure, place, plan, limit)
    landed = landed_rows(connection, mart, traced.shown, promoted / "inputs", lake)
    named = {one.dataset for rows in landed for one in rows} or set(datasets_of(mart)[:1])
    models = road(promoted / "dbt" / "manifest.json", figure.rows, sorted(named))
    return Behind(figure, published(snapshot, figure, place, monthly), traced, landed, models)


def published(snapshot: Snapshot, figure: Figure, place: Place, monthly: bool) -> dict[str, int]:
    """What readers are told of a kept figure, by currency."""
    viewer = Viewer("command", "", frozenset({"owner"}), store_ids=None)
    if figure.kind is Kind.STATE:
        states = dict(run(snapshot, "metric_states", viewer).drop_nulls().iter_rows())
        return {"": states[figure.id]} if figure.id in states else {}
    asked = {
        "metrics": (figure.id,),
        "period_kind": "month" if monthly else "day",
        "dimension_kind": place.dimension,
        "dimension_id": place.dimension_id,
        "last": place.last if figure.kind is Kind.STOCK else place.first,
    }
    if figure.kind is Kind.STOCK:
        found = run(snapshot, "metric_standing", viewer, **asked)
    else:
        found = run(snapshot, "metric_values", viewer, first=place.first, **asked)
    told = dict(found.select("currency", "value").iter_rows())
    return {code: value for code, value in told.items() if place.currency in (None, code) or not figure.has_currency}


def _without_zeros(totals: Mapping[str, int]) -> dict[str, int]:
    return {code: value for code, value in totals.items() if value}


def _data(figure: Figure, place: Place, answer: Mapping[str, int | None], parts: Sequence[Behind]) -> dict[str, object]:
    return {
        "metric": figure.id,
        "name": figure.name.model_dump(),
        "meaning": figure.meaning.model_dump(),
        "formula": figure.formula.model_dump(),
        "unit": figure.unit.value,
        "owner": figure.owner,
        "place": asdict(place),
        "value": dict(answer),
        "adds_up": all(one.adds_up for one in parts),
        "made_of": [
            {
                "metric": one.figure.id,
                "published": one.published,
                "rows_make": one.traced.totals,
                "adds_up": one.adds_up,
                "mart": one.figure.rows.mart if one.figure.rows else None,
                "condition": one.figure.rows.where if one.figure.rows else None,
                "measure": one.figure.rows.measure if one.figure.rows else None,
                "rows_count": one.traced.rows_count,
                "rows": [
                    {**row, "landed": [asdict(source) for source in sources]}
                    for row, sources in zip(_short(one).to_dicts(), one.landed, strict=True)
                ],
                "models": one.models,
            }
            for one in parts
        ],
    }


def _told(figure: Figure, place: Place, answer: Mapping[str, int | None], parts: Sequence[Behind]) -> RenderableType:
    when = "now" if figure.kind is Kind.STATE else _period(place.first, place.last)
    where = place.dimension if place.dimension == "company" else f"{place.dimension} {place.dimension_id}"
    lines: list[RenderableType] = [
        plain(f"{figure.name.en} ({figure.name.zh}), {where}, {when}"),
        plain(figure.meaning.en),
        plain(f"{figure.formula.en}; owner: {figure.owner}"),
        rows_table(
            "Published",
            ("currency", "value"),
            [(code, shown(value, figure.unit, code)) for code, value in sorted(answer.items())] or [("", "0")],
        ),
    ]
    for one in parts:
        lines += _part(one)
    return Group(*lines)


def _period(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _part(one: Behind) -> list[RenderableType]:
    rows = one.figure.rows
    assert rows is not None
    codes = sorted({*one.published, *one.traced.totals}) or [""]
    checked = [
        (
            code,
            shown(one.published.get(code, 0), one.figure.unit, code),
            shown(one.traced.totals.get(code, 0), one.figure.unit, code),
            "yes" if one.published.get(code, 0) == one.traced.totals.get(code, 0) else "NO",
        )
        for code in codes
    ]
    told: list[RenderableType] = [
        rows_table(
            f"{one.figure.id}: {rows.measure} of {rows.mart} where {rows.where}",
            ("currency", "published", "rows make", "adds up"),
            checked,
        )
    ]
    short = _short(one)
    if not short.is_empty():
        cells = [
            [*("" if cell is None else cell for cell in row), "; ".join(_source(source) for source in sources)]
            for row, sources in zip(short.iter_rows(), one.landed, strict=True)
        ]
        title = f"{short.height} of {one.traced.rows_count:,} rows"
        told.append(rows_table(title, (*short.columns, "landed"), cells))
    told.append(plain("made by: " + " ← ".join(one.models)))
    return told


def _source(source: Landed) -> str:
    file = source.file or source.path
    row = "" if source.row is None else f" row {source.row}"
    return f"{file}{row} (batch {source.seq}, {source.source})"


def _short(one: Behind) -> pl.DataFrame:
    """Key, day, where, and the columns that the measure reads."""
    rows, frame = one.figure.rows, one.traced.shown
    assert rows is not None
    measured = [name for name in frame.columns if name in rows.measure.replace("(", " ").replace(")", " ").split()]
    wanted = dict.fromkeys([*rows.key, "metric_on", *_ABOUT, *measured])
    told = [name for name in wanted if name in frame.columns and frame[name].null_count() < frame.height]
    return frame.select(told).rename({"metric_on": "day"}, strict=False)
