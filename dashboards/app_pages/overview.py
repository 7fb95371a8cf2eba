"""The company at a glance: people, money by currency, what is at risk, whether the data can be trusted."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.documents.metrics import Unit, glossary
from models.figures import shown, values
from models.money import display

DAYS = (30, 90, 365)
MEAN_DAYS = 7
_KEPT = {"sales_amount": "paid_amount", "orders": "orders_count", "refunded_amount": "refunded_amount"}
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
    people = page.read("overview_people", first=first, last=last).row(0, named=True)
    _people(page, people, money, days)
    known = people["first_day"] is not None and people["first_day"] <= earlier[0]
    # against days before the company's first sale everything has grown
    before = page.read("overview_money", first=earlier[0], last=earlier[1]) if known else money.clear()
    st.subheader(words("overview.money", first=first, last=last), anchor=False)
    _money(page, money, before, days)
    _daily(page, money, first, last, people["first_day"])
    _stores(words, page.read("overview_stores", first=first, last=last, limit=500))


def _people(page: Page, people: dict[str, int], money: pl.DataFrame, days: int) -> None:
    words = page.words
    freshness = page.read("data_freshness").filter(pl.col("dataset") == "orders")
    behind = freshness["days_behind"].max()
    figures: list[tuple[str, str] | tuple[str, str, str | None]] = [
        (words("overview.customers"), f"{people['customers']:,}", page.about("customers")),
        (words("overview.buyers", n=days), f"{people['buyers']:,}", page.about("buyers")),
        (words("overview.orders", n=days), f"{money['orders_count'].sum():,}", page.about("orders")),
        (words("overview.at_risk"), f"{people['at_risk']:,}", page.about("customers_at_risk")),
        (words("overview.days_behind"), "-" if behind is None else str(behind), page.about("data_days_behind")),
    ]
    checks = page.read("quality_checks")
    if not checks.is_empty():
        figures.append((words("overview.checks"), f"{checks['passed'].sum()} / {checks.height}"))
    frame.numbers(figures)


def _money(page: Page, money: pl.DataFrame, before: pl.DataFrame, days: int) -> None:
    """Four cards for each currency; currencies are never added."""
    words = page.words
    if money.is_empty():
        st.caption(words("overview.no_sales"))
        return
    earlier = {row["currency"]: row for row in before.iter_rows(named=True)}
    compared = words("overview.change_help", n=days)
    with st.grid(4, min_column_width=150):
        for row in money.iter_rows(named=True):
            currency, paid, refunded = row["currency"], row["paid_amount"], row["refunded_amount"]
            past = earlier.get(currency, {"paid_amount": None, "refunded_amount": None, "orders_count": None})
            _card(
                words("overview.revenue_in", currency=currency),
                display(paid, currency),
                _change(paid, past["paid_amount"]),
                f"{page.about('sales_amount')}  \n{compared}",
            )
            mean, past_mean = _derived("average_order_value", row), _derived("average_order_value", past)
            _card(
                words("overview.order_in", currency=currency),
                shown(mean, Unit.MONEY, currency),
                None if mean is None else _change(mean, past_mean),
                f"{page.about('average_order_value')}  \n{compared}",
            )
            _card(
                words("overview.refunds_in", currency=currency),
                display(refunded, currency),
                _change(refunded, past["refunded_amount"]),
                f"{page.about('refunded_amount')}  \n{compared}",
                worse_when_more=True,
            )
            _card(
                words("overview.refund_share_in", currency=currency),
                shown(_derived("refund_rate", row), Unit.SHARE),
                None,
                page.about("refund_rate"),
            )


def _card(label: str, value: str, change: str | None, note: str, worse_when_more: bool = False) -> None:
    st.metric(
        label,
        value,
        delta=change,
        delta_color="inverse" if worse_when_more else "normal",
        help=note,
        border=True,
        height="stretch",
    )


def _change(now: int, before: int | None) -> str | None:
    """``+12.3%`` against the period before; nothing to say when that one was empty."""
    return f"{(now - before) / before:+.1%}" if before else None


def _derived(metric: str, row: Mapping[str, Any]) -> int | None:
    """A figure that the glossary derives from a period's sales, orders and refunds; None: there is none."""
    kept = {(one, "*"): row[column] or 0 for one, column in _KEPT.items()}
    return values(glossary(), glossary()[metric], kept)["*"]


def _daily(page: Page, money: pl.DataFrame, first: date, last: date, first_day: date | None) -> None:
    """The first currency over the whole width, the others beside each other."""
    words = page.words
    currencies = money["currency"].head(MOST_CHARTS).to_list()
    if not currencies or first_day is None:
        return
    daily = page.read("overview_daily", first=first - timedelta(days=MEAN_DAYS - 1), last=last)
    _daily_chart(words, _every_day(daily, currencies[0], first, last, first_day), currencies[0], 240)
    if len(currencies) > 1:
        with st.grid(2, min_column_width=300):
            for currency in currencies[1:]:
                with st.container():
                    _daily_chart(words, _every_day(daily, currency, first, last, first_day), currency, 180)
    st.caption(words("overview.daily_note"))


def _every_day(daily: pl.DataFrame, currency: str, first: date, last: date, first_day: date) -> pl.DataFrame:
    """One row per day of the period: metric_date, paid_amount (0 without sales), seven_days (null before known)."""
    days = pl.date_range(first - timedelta(days=MEAN_DAYS - 1), last, eager=True).alias("metric_date").to_frame()
    known = pl.col("metric_date") >= first_day
    return (
        days.join(daily.filter(pl.col("currency") == currency), on="metric_date", how="left", maintain_order="left")
        .with_columns(pl.when(known).then(pl.col("paid_amount").fill_null(0)).alias("paid_amount"))
        .with_columns(pl.col("paid_amount").rolling_mean(MEAN_DAYS).alias("seven_days"))
        .filter((pl.col("metric_date") >= first) & known)
    )


def _daily_chart(words: Words, drawn: pl.DataFrame, currency: str, height: int) -> None:
    title = words("overview.daily_in", currency=currency)
    st.subheader(title, anchor=False)
    names = (words("column.day"), currency, words("overview.seven_days"))
    charts.daily_amounts(drawn, currency, names, height, alt=title)


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
            "paid_amount": words("column.paid"),
            "currency": words("column.currency"),
            "orders_count": words("column.orders"),
            "refunded_amount": words("column.refunded"),
            "region": words("column.region"),
            "store_type": words("column.store_type"),
        },
        small=("currency",),
        key="overview_stores",
    )


show()
