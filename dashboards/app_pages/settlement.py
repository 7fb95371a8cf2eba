"""Settlement of a month: who gets what, by region, by store, and down to the entries that explain one line."""

import polars as pl
import streamlit as st

from dashboards import charts, frame, parties, settlement_explained, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import display

# the order of columns and colours; the roles of a rulebook are free words, others follow in the alphabet's order
ROLES = (
    *("hq", "store", "region", "agent", "sales", "commission", "service_fee", "rebate", "platform_fee"),
    *("traffic_fee", "brand", "company", "franchisee", "platform"),
)


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
    roles = page.read("settlement_by_role", period=period, region=region)
    if region is not None:
        regions = regions.filter(pl.col("region") == region)
    _figures(page, roles)
    _roles(words, roles)
    _chart(words, regions)
    if region is None:
        _regions(words, regions)
    _stores(page, period, region)


def _ordered(roles: pl.Series) -> list[str]:
    """Codes of party roles in the page's order."""
    return sorted(roles.unique(), key=lambda role: (ROLES.index(role) if role in ROLES else len(ROLES), role))


def _figures(page: Page, roles: pl.DataFrame) -> None:
    """A card for each currency: the net, and what it is made of."""
    words = page.words
    totals = roles.group_by("currency", maintain_order=True).agg(pl.col("sale_amount", "refund_amount", "amount").sum())
    with st.grid(3, min_column_width=230):
        for row in totals.iter_rows(named=True):
            currency = row["currency"]
            with st.container(border=True):
                net = display(row["amount"], currency)
                st.metric(words("settlement.net_in", currency=currency), net, help=page.about("settlement_amount"))
                st.caption(
                    words(
                        "settlement.made_of",
                        sales=display(row["sale_amount"], currency),
                        refunds=display(row["refund_amount"], currency),
                    )
                )


def _roles(words: Words, roles: pl.DataFrame) -> None:
    st.subheader(words("settlement.by_role"), anchor=False)
    ordered = pl.DataFrame({"party_role": _ordered(roles["party_role"])}, schema={"party_role": pl.String})
    currencies = roles.select("currency").unique(maintain_order=True)
    found = currencies.join(ordered, how="cross").join(
        roles, on=["currency", "party_role"], how="inner", maintain_order="left"
    )
    net = pl.col("amount").sum().over("currency")
    # a figure to read, not an amount; nothing to say where sales and refunds cancel out
    shown = found.with_columns(pl.when(net != 0).then(pl.col("amount") * 100.0 / net).alias("share"))
    tables.show(
        tables.in_words(tables.money(shown, "sale_amount", "refund_amount", "amount"), words, party_role="party_role"),
        {
            "party_role": words("column.party_role"),
            "amount": words("column.net"),
            "currency": words("column.currency"),
            "share": words("column.share"),
            "sale_amount": words("column.sales"),
            "refund_amount": words("column.refunds"),
        },
        formats={"share": "%.2f%%"},
        small=("currency",),
        key="settlement_roles",
    )


def _chart(words: Words, regions: pl.DataFrame) -> None:
    parts = [words.code("party_role", role) for role in _ordered(regions["party_role"])]
    drawn = tables.in_words(regions, words, party_role="party_role")
    for currency in regions["currency"].unique().sort():
        title = words("settlement.chart", currency=currency)
        st.subheader(title, anchor=False)
        charts.shares(
            drawn.filter(pl.col("currency") == currency),
            currency,
            "region",
            "party_role",
            parts,
            (words("column.region"), words("column.party_role")),
            alt=title,
        )


def _wide(frame_: pl.DataFrame, words: Words, keys: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """One row per place and currency: sales, refunds, net, then the share of each party role, empty without one."""
    totals = frame_.group_by(keys, maintain_order=True).agg(pl.col("sale_amount", "refund_amount", "amount").sum())
    # roles are words that people choose; one may be called like a column ("region")
    parts = frame_.with_columns(pl.format("role:{}", "party_role").alias("party_role")).pivot(
        "party_role", index=keys, values="amount", aggregate_function="first"
    )
    wide = totals.join(parts, on=keys, how="left", nulls_equal=True, maintain_order="left")
    labels = {
        "amount": words("column.net"),
        **{
            f"role:{role}": words("settlement.share_of", role=words.code("party_role", role))
            for role in _ordered(frame_["party_role"])
        },
        "sale_amount": words("column.sales"),
        "refund_amount": words("column.refunds"),
    }
    return tables.money(wide, *labels), labels


def _regions(words: Words, regions: pl.DataFrame) -> None:
    st.subheader(words("settlement.by_region"), anchor=False)
    wide, labels = _wide(regions, words, ["region", "currency"])
    tables.show(
        wide,
        {"region": words("column.region"), "currency": words("column.currency"), **labels},
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
    shares = page.read("settlement_parties", period=period, store_id=store_id)
    tables.show(
        parties.named(tables.money(shares, "sale_amount", "refund_amount", "amount"), words),
        {
            "party": words("column.party"),
            "party_role": words("column.party_role"),
            "amount": words("column.net"),
            "currency": words("column.currency"),
            "sale_amount": words("column.sales"),
            "refund_amount": words("column.refunds"),
            "lines_count": words("column.lines"),
        },
        small=("currency", "lines_count"),
        key="settlement_parties",
    )
    text = st.text_input(words("settlement.find_line"), max_chars=100, key="settlement_text")
    lines = page.read("settlement_lines", period=period, store_id=store_id, text=text.strip() or None)
    if lines.is_empty():
        st.caption(words("settlement.no_line"))
        return
    st.caption(words("settlement.lines_found", total=f"{int(lines['matches_count'][0]):,}", shown=lines.height))
    described = {
        (row["posting"], row["line_id"]): " · ".join(
            [
                str(row["economic_date"]),
                words.code("posting", row["posting"]),
                tables.amount(row["base_amount"], row["currency"]),
                *([row["product_name"]] if row["product_name"] else []),
                row["line_id"],
            ]
        )
        for row in lines.iter_rows(named=True)
    }
    line = st.selectbox(
        words("settlement.line"),
        list(described),
        index=None,
        format_func=described.__getitem__,
        placeholder=words("settlement.choose"),
        key="settlement_line",
    )
    if line is not None:
        settlement_explained.show(page, *line)


show()
