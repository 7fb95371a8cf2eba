"""What customers are worth and what sales leave: RFM, segments, contributions of channels, stores and products."""

from collections.abc import Mapping

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import PPM, display
from models.serving.queries.value import COMPONENTS, DIMENSIONS

_SHOWN = ("customers", "net")
_BY = {"channel": "value.by_channel", "store": "value.by_store", "product": "value.by_product"}
_COLUMN = {component: f"{component}_amount" for component in COMPONENTS}


def show() -> None:
    page = frame.open_page("value.title")
    words = page.words
    periods = page.read("value_periods")["period"].to_list()
    if not periods:
        st.info(words("value.none"))
        return
    period, store_id = _filters(page, periods)
    totals = page.read("value_totals", **period, store_id=store_id)
    segments = page.read("value_segments", store_id=store_id)
    currencies = pl.concat([totals["currency"], segments["currency"]]).unique(maintain_order=True).to_list()
    if not currencies:
        st.info(words("value.none_here"))
        return
    currency = currencies[0]
    if len(currencies) > 1:
        currency = st.segmented_control(
            words("column.currency"), currencies, default=currency, key="value_currency", required=True
        )
    of_currency = pl.col("currency") == currency
    sales, customers = st.tabs([words("value.sales"), words("value.customers")])
    with sales:
        _sales(page, totals.filter(of_currency), currency, period, store_id)
    with customers:
        _customers(page, segments.filter(of_currency), currency, store_id)


def _filters(page: Page, periods: list[str]) -> tuple[dict[str, str], str | None]:
    words = page.words
    names = dict(page.read("value_stores").with_columns(pl.coalesce("store_name", "store_id").alias("name")).select(
        "store_id", "name"
    ).iter_rows())  # fmt: skip
    with st.grid(3, min_column_width=150):
        before = st.container()  # the first month stands before the last, and is one of those up to it
        last = st.selectbox(words("value.last"), periods, key="value_last")
        earlier = [month for month in periods if month <= last]
        place = min(11, len(earlier) - 1)
        first = before.selectbox(words("value.first"), earlier, index=place, key=f"value_first_{last}")
        store_id = st.selectbox(
            words("column.store"),
            [None, *names],
            format_func=lambda code: words("value.every_store") if code is None else names[code],
            key="value_store",
        )
    return {"first_month": first, "last_month": last}, store_id


def _sales(page: Page, totals: pl.DataFrame, currency: str, period: dict[str, str], store_id: str | None) -> None:
    words = page.words
    if totals.is_empty():
        st.caption(words("value.none_here"))
        return
    row = totals.row(0, named=True)
    _figures(words, row, currency)
    _coverage(words, row)
    title = words("value.waterfall", currency=currency)
    st.subheader(title, anchor=False)
    charts.money_waterfall(_steps(words, row), currency, (words("column.component"), words("column.amount")), alt=title)
    _parts(page, currency, period, store_id)
    _gaps(page, period, store_id)


def _net(row: Mapping[str, int | None]) -> int:
    """What customers paid and kept paid: a sale without any refund has no refund component."""
    return sum(row[_COLUMN[name]] or 0 for name in ("revenue", "discount", "refund"))


def _share(part: int, whole: int) -> int | None:
    """Parts in a million, cut: a cost that is known of almost everything must not read as all."""
    return part * PPM // whole if whole > 0 else None


def _figures(words: Words, row: dict[str, int], currency: str) -> None:
    covered = _share(row["covered_amount"], row["paid_amount"])
    figures = [
        (words("value.net_in", currency=currency), display(_net(row), currency)),
        (words("value.cost_known"), _percent(covered)),
    ]
    if covered:
        label = "value.contribution_in" if covered == PPM else "value.contribution_so_far_in"
        figures.append((words(label, currency=currency), display(row["contribution"], currency)))
    frame.numbers(figures, columns=3, width=150)


def _percent(ppm: int | None) -> str:
    """One decimal, cut: 99.97% is not 100%."""
    return "" if ppm is None else f"{ppm // 1000 / 10:.1f}%"


def _coverage(words: Words, row: dict[str, int]) -> None:
    """A profit is never shown as if it were complete."""
    covered = _share(row["covered_amount"], row["paid_amount"])
    if not covered:
        st.warning(words("value.no_cost"))
    elif covered < PPM:
        st.warning(words("value.part_of_cost", share=_percent(covered)))
    unknown = [words.code("component", name) for name in COMPONENTS[3:] if row[_COLUMN[name]] is None]
    if unknown:
        st.caption(words("value.absent", components=words("word.separator").join(unknown)))


def _steps(words: Words, row: dict[str, int | None]) -> pl.DataFrame:
    known = [(words.code("component", name), row[_COLUMN[name]], False) for name in COMPONENTS]
    steps = [step for step in known if step[1] is not None]
    covered = _share(row["covered_amount"] or 0, row["paid_amount"] or 0)
    left = "value.left" if covered == PPM else "value.left_so_far" if covered else "value.left_before_cost"
    steps.append((words(left), row["contribution"], True))
    return pl.DataFrame(steps, schema=["label", "amount", "is_total"], orient="row")


def _parts(page: Page, currency: str, period: dict[str, str], store_id: str | None) -> None:
    words = page.words
    st.subheader(words("value.parts"), anchor=False)
    dimension = st.segmented_control(
        words("value.by"),
        DIMENSIONS,
        default=DIMENSIONS[1],
        format_func=lambda kind: words(_BY[kind]),
        key="value_dimension",
        required=True,
        label_visibility="collapsed",
    )
    every = page.read("value_by_dimension", **period, store_id=store_id, dimension=dimension, limit=500)
    found = every.filter(pl.col("currency") == currency)
    if int(every["matches_count"].head(1).sum()) > every.height:
        st.caption(words("value.parts_shown", n=every.height))
    if dimension == "channel":
        found = tables.in_words(found, words, dimension_id="channel")
    _table_of_parts(words, found, words(_BY[dimension]))


def _table_of_parts(words: Words, found: pl.DataFrame, label: str) -> None:
    worked = found.with_columns(
        pl.coalesce("name", "dimension_id").alias("part"),
        net=pl.sum_horizontal("revenue_amount", "discount_amount", "refund_amount"),
        known=_known(),
        contribution=_left(),
    )
    present = [name for name in COMPONENTS if worked[_COLUMN[name]].null_count() < worked.height]
    tables.show(
        tables.money(worked, "net", "contribution", *(_COLUMN[name] for name in present)),
        {
            "part": label,
            "net": words("value.net"),
            "known": words("value.cost_known"),
            "contribution": words("value.left"),
            **{_COLUMN[name]: words.code("component", name) for name in present},
        },
        formats={"known": "%.1f%%"},
        key="value_parts",
    )


def _known() -> pl.Expr:
    """Percent of what was paid whose cost is known, cut to one decimal."""
    return pl.when(pl.col("paid_amount") > 0).then(pl.col("covered_amount") * 1000 // pl.col("paid_amount") / 10)


def _left() -> pl.Expr:
    """Without any cost known, what is left would read as a profit."""
    return pl.when(pl.col("covered_amount") > 0).then("contribution")


def _gaps(page: Page, period: dict[str, str], store_id: str | None) -> None:
    words = page.words
    gaps = page.read("value_gaps", **period, store_id=store_id)
    if gaps.is_empty():
        return
    st.subheader(words("value.gaps"), anchor=False)
    st.caption(words("value.gaps_note"))
    tables.show(
        tables.in_words(
            tables.money(gaps, "amount"), words, component="component", source="cost_source", reason="gap_reason"
        ),
        {
            "component": words("column.component"),
            "reason": words("column.reason"),
            "source": words("column.source"),
            "rows_count": words("column.rows"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
        },
        small=("currency",),
        key="value_gaps",
    )


def _customers(page: Page, segments: pl.DataFrame, currency: str, store_id: str | None) -> None:
    words = page.words
    if segments.is_empty():
        st.caption(words("value.none_here"))
        return
    st.caption(words("value.rfm_note"))
    grid = page.read("value_grid", store_id=store_id).filter(pl.col("currency") == currency)
    title = words("value.grid", currency=currency)
    st.subheader(title, anchor=False)
    shown = st.segmented_control(
        words("value.shown"),
        _SHOWN,
        default=_SHOWN[0],
        format_func=lambda name: words("column.customers") if name == "customers" else words("value.net"),
        key="value_shown",
        required=True,
        label_visibility="collapsed",
    )
    titles = (words("value.recency"), words("value.frequency"), words("column.customers"), words("value.net"))
    drawn = tables.money(grid, "net_amount").with_columns(net=pl.col("net_amount").cast(pl.Float64))
    charts.score_grid(drawn.drop("net_amount"), shown, titles, alt=title)
    st.subheader(words("value.segments"), anchor=False)
    _segments(words, segments)
    st.caption(words("value.segments_note"))


def _segments(words: Words, segments: pl.DataFrame) -> None:
    worked = segments.with_columns(
        pl.coalesce(f"name_{words.language}", "segment").alias("name"),
        share=pl.col("customers") * 100 / pl.col("customers").sum(),
        known=_known(),
        contribution=_left(),
    )
    tables.show(
        tables.money(worked, "net_amount", "contribution"),
        {
            "name": words("value.segment"),
            "customers": words("column.customers"),
            "share": words("value.share"),
            "net_amount": words("value.net"),
            "contribution": words("value.left"),
            "known": words("value.cost_known"),
        },
        formats={"share": "%.1f%%", "known": "%.1f%%"},
        key="value_segments",
    )


show()
