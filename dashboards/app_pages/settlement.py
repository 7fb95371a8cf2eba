"""Settlement of a month: by region, by store, and down to the entries that explain one line."""

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import PPM, display


def show() -> None:
    page = frame.open_page("settlement.title")
    words = page.words
    periods = page.read("settlement_periods")["period"].to_list()
    if not periods:
        st.info(words("settlement.none"))
        return
    with st.grid(2, min_column_width=150):
        period = st.selectbox(words("settlement.period"), periods, key="settlement_period")
        regions = page.read("settlement_by_region", period=period)
        region = st.selectbox(
            words("settlement.region"),
            [None, *regions["region"].unique().sort().drop_nulls().to_list()],
            format_func=lambda name: words("settlement.every_region") if name is None else name,
            key="settlement_region",
        )
    _figures(page, period)
    _chart(words, regions)
    _regions(words, regions)
    _stores(page, period, region)


def _figures(page: Page, period: str) -> None:
    words = page.words
    figures = []
    for row in page.read("settlement_totals", period=period).iter_rows(named=True):
        currency = row["currency"]
        figures += [
            (words("settlement.sales_in", currency=currency), display(row["sale_amount"], currency)),
            (words("settlement.refunds_in", currency=currency), display(row["refund_amount"], currency)),
            (words("settlement.net_in", currency=currency), display(row["amount"], currency)),
        ]
    frame.numbers(figures, columns=3, width=150)


def _chart(words: Words, regions: pl.DataFrame) -> None:
    drawn = tables.in_words(regions, words, party_role="party_role")
    for currency in regions["currency"].unique().sort():
        title = words("settlement.chart", currency=currency)
        st.subheader(title, anchor=False)
        charts.shares(
            drawn.filter(pl.col("currency") == currency),
            currency,
            "region",
            "party_role",
            (words("column.region"), words("column.party_role")),
            alt=title,
        )


def _wide(frame_: pl.DataFrame, words: Words, keys: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """One row per place and currency: sales, refunds, net, then each party role's share, as text."""
    totals = frame_.group_by(keys, maintain_order=True).agg(pl.col("sale_amount", "refund_amount", "amount").sum())
    roles = frame_["party_role"].unique().sort().to_list()
    # roles are words that people choose; one may be called like a column ("region")
    parts = frame_.with_columns(pl.format("role:{}", "party_role").alias("party_role")).pivot(
        "party_role", index=keys, values="amount", aggregate_function="sum"
    )
    wide = totals.join(parts, on=keys, how="left", nulls_equal=True, maintain_order="left")
    labels = {
        "sale_amount": words("column.sales"),
        "refund_amount": words("column.refunds"),
        "amount": words("column.net"),
        **{f"role:{role}": words("settlement.share_of", role=words.code("party_role", role)) for role in roles},
    }
    return tables.money(wide, *labels), labels


def _regions(words: Words, regions: pl.DataFrame) -> None:
    st.subheader(words("settlement.by_region"), anchor=False)
    wide, labels = _wide(regions, words, ["region", "currency"])
    tables.show(
        wide,
        {"region": words("column.region"), "currency": words("column.currency"), **labels},
        right=tuple(labels),
        small=("currency",),
        key="settlement_regions",
    )


def _stores(page: Page, period: str, region: str | None) -> None:
    words = page.words
    st.subheader(words("settlement.by_store"), anchor=False)
    stores = page.read("settlement_by_store", period=period, region=region)
    if stores.is_empty():
        st.caption(words("settlement.none_here"))
        return
    stores = stores.with_columns(pl.coalesce("store_name", "store_id").alias("store_name"))
    wide, labels = _wide(stores, words, ["store_id", "store_name", "region", "store_type", "currency"])
    tables.show(
        tables.in_words(wide, words, store_type="store_type"),
        {
            "store_name": words("column.store"),
            "currency": words("column.currency"),
            **labels,
            "region": words("column.region"),
            "store_type": words("column.store_type"),
        },
        right=tuple(labels),
        small=("currency",),
        key="settlement_stores",
    )
    names = dict(zip(stores["store_id"], stores["store_name"], strict=True))
    store_id = st.selectbox(
        words("settlement.store"),
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder=words("settlement.choose"),
        key="settlement_store",
    )
    if store_id is not None:
        _store(page, period, store_id)


def _store(page: Page, period: str, store_id: str) -> None:
    words = page.words
    parties = page.read("settlement_parties", period=period, store_id=store_id)
    tables.show(
        tables.in_words(
            tables.money(parties, "sale_amount", "refund_amount", "amount"), words, party_role="party_role"
        ),
        {
            "party_role": words("column.party_role"),
            "party_id": words("column.party"),
            "currency": words("column.currency"),
            "sale_amount": words("column.sales"),
            "refund_amount": words("column.refunds"),
            "amount": words("column.net"),
            "lines_count": words("column.lines"),
        },
        right=("sale_amount", "refund_amount", "amount"),
        small=("currency", "lines_count"),
        key="settlement_parties",
    )
    lines = page.read("settlement_lines", period=period, store_id=store_id, limit=100)
    if lines.is_empty():
        return
    st.caption(words("settlement.lines_found", total=f"{int(lines['matches_count'][0]):,}", shown=lines.height))
    described = {
        row["line_id"]: f"{row['economic_date']} · {words.code('posting', row['posting'])} · "
        f"{tables.amount(row['base_amount'], row['currency'])} · {row['line_id']}"
        for row in lines.iter_rows(named=True)
    }
    line_id = st.selectbox(
        words("settlement.line"),
        list(described),
        index=None,
        format_func=described.__getitem__,
        placeholder=words("settlement.choose"),
        key="settlement_line",
    )
    if line_id is not None:
        _explained(page, line_id)


def _explained(page: Page, line_id: str) -> None:
    """How a line's amount was shared: base × rate, floored, and who got the units that were left."""
    words = page.words
    entries = page.read("settlement_explained", line_id=line_id)
    if entries.is_empty():
        st.caption(words("settlement.none_here"))
        return
    first = entries.row(0, named=True)
    st.text(
        words(
            "settlement.explained",
            rule=first["rule_id"],
            version=first["rule_version"],
            base=tables.amount(first["base_amount"], first["currency"]),
            total=tables.amount(int(entries["amount"].sum()), first["currency"]),
        )
    )
    if first["link_state"] == "UNLINKED":
        st.caption(words("settlement.unlinked"))
    shown = tables.in_words(
        tables.money(entries, "base_amount", "floor_amount", "rounding", "amount"), words, party_role="party_role"
    ).with_columns(pl.Series("rate", [f"{rate * 100 / PPM:.4f}%" for rate in entries["rate_ppm"]], dtype=pl.String))
    tables.show(
        shown,
        {
            "party_role": words("column.party_role"),
            "party_id": words("column.party"),
            "rate": words("column.rate"),
            "floor_amount": words("column.floor"),
            "rounding": words("column.rounding"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
        },
        right=("rate", "floor_amount", "rounding", "amount"),
        key="settlement_entries",
    )


show()
