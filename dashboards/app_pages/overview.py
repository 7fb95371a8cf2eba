"""The company at a glance: people, money by currency, what is at risk, whether the data can be trusted."""

from datetime import timedelta

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import display

DAYS = (30, 90, 365)
MOST_CHARTS = 3  # currencies drawn; every one of them is in the figures and the table


def show() -> None:
    page = frame.open_page("overview.title")
    words = page.words
    days = st.segmented_control(
        words("overview.period"),
        DAYS,
        default=DAYS[0],
        format_func=lambda n: words("overview.days", n=n),
        key="overview_days",
        required=True,
    )
    # a run counts events before its business date, so the last whole day is the one before
    last = page.business_date - timedelta(days=1)
    first = page.business_date - timedelta(days=days)
    earlier = (first - timedelta(days=days), first - timedelta(days=1))
    money = page.read("overview_money", first=first, last=last)
    _people(page, page.read("overview_people", first=first, last=last).row(0, named=True), money)
    _money(words, money, page.read("overview_money", first=earlier[0], last=earlier[1]), days)
    _daily(page, money, page.read("overview_daily", first=first, last=last))
    _stores(words, page.read("overview_stores", first=first, last=last, limit=500))


def _people(page: Page, people: dict[str, int], money: pl.DataFrame) -> None:
    words = page.words
    freshness = page.read("data_freshness").filter(pl.col("dataset") == "orders")
    behind = freshness["days_behind"].max()
    figures = [
        (words("overview.customers"), f"{people['customers']:,}"),
        (words("overview.buyers"), f"{people['buyers']:,}"),
        (words("overview.orders"), f"{money['orders_count'].sum():,}"),
        (words("overview.at_risk"), f"{people['at_risk']:,}"),
        (words("overview.days_behind"), "-" if behind is None else str(behind)),
    ]
    checks = page.read("quality_checks")
    if not checks.is_empty():
        figures.append((words("overview.checks"), f"{checks['passed'].sum()} / {checks.height}"))
    frame.numbers(figures)


def _money(words: Words, money: pl.DataFrame, before: pl.DataFrame, days: int) -> None:
    """One card for the sales and one for the refunds of each currency; currencies are never added."""
    st.subheader(words("overview.money"), anchor=False)
    if money.is_empty():
        st.caption(words("overview.no_sales"))
        return
    earlier = {row["currency"]: row for row in before.iter_rows(named=True)}
    with st.grid(4, min_column_width=150):
        for row in money.iter_rows(named=True):
            currency = row["currency"]
            past = earlier.get(currency, {"paid_amount": None, "refunded_amount": None})
            st.metric(
                words("overview.revenue_in", currency=currency),
                display(row["paid_amount"], currency),
                delta=_change(row["paid_amount"], past["paid_amount"]),
                help=words("overview.change_help", n=days),
                border=True,
                height="stretch",
            )
            st.metric(
                words("overview.refunds_in", currency=currency),
                display(row["refunded_amount"], currency),
                delta=_change(row["refunded_amount"], past["refunded_amount"]),
                delta_color="inverse",
                help=words("overview.change_help", n=days),
                border=True,
                height="stretch",
            )


def _change(now: int, before: int | None) -> str | None:
    """``+12.3%`` against the period before; nothing to say when that one was empty."""
    return f"{(now - before) / before:+.1%}" if before else None


def _daily(page: Page, money: pl.DataFrame, daily: pl.DataFrame) -> None:
    words = page.words
    for currency in money["currency"].head(MOST_CHARTS):
        title = words("overview.daily_in", currency=currency)
        st.subheader(title, anchor=False)
        charts.daily_amounts(
            daily.filter(pl.col("currency") == currency), currency, words("column.day"), currency, alt=title
        )
    if not money.is_empty():
        st.caption(words("overview.daily_note"))


def _stores(words: Words, stores: pl.DataFrame) -> None:
    st.subheader(words("overview.stores"), anchor=False)
    if stores.is_empty():
        st.caption(words("overview.no_sales"))
        return
    shown = tables.in_words(tables.money(stores, "paid_amount", "refunded_amount"), words, store_type="store_type")
    tables.show(
        shown.with_columns(pl.coalesce("store_name", "store_id").alias("store_name")),
        {
            "store_name": words("column.store"),
            "currency": words("column.currency"),
            "paid_amount": words("column.paid"),
            "orders_count": words("column.orders"),
            "refunded_amount": words("column.refunded"),
            "region": words("column.region"),
            "store_type": words("column.store_type"),
        },
        right=("paid_amount", "refunded_amount"),
        small=("currency",),
        key="overview_stores",
    )


show()
