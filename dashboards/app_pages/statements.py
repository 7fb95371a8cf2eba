"""Statements of parties: balances of a period, what moved them, and each entry down to its order line and its rule."""

import shlex
from collections.abc import Mapping
from math import ceil
from typing import Any

import polars as pl
import streamlit as st

from dashboards import frame, parties, settlement_explained, tables
from dashboards.frame import Page
from models.money import display
from models.serving.queries.statements import KINDS, PARTY_KINDS
from models.settlement.explaining_fx import explain_conversion

_MOST = 1000
_AT_ONCE = 200  # entries of a page
_LONG_AGO = 10_000  # periods: 27 years of days
_EXPLAINED = ("SALE", "REFUND")  # what a rule shared; a payment follows from no rule
_BALANCES = ("opening", "earned", "clawback", "fee", "tax", "adjustments", "paid", "closing")


def show() -> None:
    page = frame.open_page("statements.title")
    words = page.words
    with st.grid(4, min_column_width=150):
        kind = st.selectbox(
            words("statements.kind"),
            KINDS,
            format_func=lambda one: words.code("period_kind", one),
            key="statements_kind",
        )
        periods = page.read("settlement_statement_periods", period_kind=kind, limit=_LONG_AGO)
        period = st.selectbox(words("statements.period"), periods["period"].to_list(), key=f"statements_period_{kind}")
        if period is None:
            st.info(words("statements.none"))
            return
        asked: dict[str, object] = {"period_kind": kind, "period": period}
        totals = page.read("settlement_statement_totals", **asked)
        party_kind = st.selectbox(
            words("statements.party_kind"),
            [None, *(one for one in PARTY_KINDS if one in set(totals["party_kind"]))],
            format_func=lambda one: words("statements.every_kind") if one is None else words.code("party_role", one),
            key="statements_party_kind",
        )
        currency = st.selectbox(
            words("column.currency"),
            [None, *totals["currency"].unique().sort()],
            format_func=lambda one: words("statements.every_currency") if one is None else one,
            key="statements_currency",
        )
    days = periods.row(by_predicate=pl.col("period") == period, named=True)
    st.caption(words("statements.days", first=days["starts_on"], last=days["ends_on"]))
    for column, value in (("party_kind", party_kind), ("currency", currency)):
        totals = totals if value is None else totals.filter(pl.col(column) == value)
    if totals.is_empty():
        st.info(words("statements.none_here"))
        return
    _figures(page, totals)
    _statements(page, asked, party_kind, currency)


def _figures(page: Page, totals: pl.DataFrame) -> None:
    """A card for each currency: what can be paid, and how the balances came about."""
    words = page.words
    amounts = ("opening", "closing", "payable", "carry")
    summed = totals.group_by("currency", maintain_order=True).agg(pl.col("statements_count", *amounts).sum())
    with st.grid(3, min_column_width=230):
        for row in summed.sort("currency").iter_rows(named=True):
            code = row["currency"]
            with st.container(border=True):
                st.metric(
                    words("statements.payable_in", currency=code),
                    display(row["payable"], code),
                    help=words("statements.payable_help"),
                )
                st.caption(
                    words(
                        "statements.made_of",
                        count=f"{row['statements_count']:,}",
                        opening=display(row["opening"], code),
                        moved=display(row["closing"] - row["opening"], code),
                        closing=display(row["closing"], code),
                        carry=display(row["carry"], code),
                    )
                )


def _due(row: Mapping[str, Any]) -> str:
    if row["payable"] > 0:
        return "payable"
    if row["closing"] > 0:
        return "below_minimum"
    return "owes" if row["closing"] < 0 else "even"


def _statements(page: Page, asked: dict[str, object], party_kind: str | None, currency: str | None) -> None:
    words = page.words
    found = page.read("settlement_statements", **asked, party_kind=party_kind, currency=currency, limit=_MOST)
    total = int(found["matches_count"][0])
    if total > found.height:
        st.caption(words("statements.shown", total=f"{total:,}", shown=f"{found.height:,}"))
    due = pl.Series("due", [_due(row) for row in found.iter_rows(named=True)], dtype=pl.String)
    shown = tables.money(found.rename({"party_kind": "party_role"}), *_BALANCES, "payable", "carry")
    row = tables.pick(
        tables.in_words(
            parties.named(shown.with_columns(due), words), words, due="statement_due", state="statement_state"
        ),
        {
            "party": words("statements.party"),
            "payable": words("statements.payable"),
            "currency": words("column.currency"),
            "due": words("statements.due"),
            **{name: words.code("statement_part", name) for name in _BALANCES},
            "carry": words("statements.carry"),
            "party_role": words("statements.party_kind"),
            "lines_count": words("statements.entries_count"),
            "state": words("column.state"),
        },
        small=("currency", "lines_count"),
        key="statements_table_" + "_".join(str(one) for one in (*asked.values(), party_kind, currency)),
        height=360,
    )
    if row is None:
        st.caption(words("statements.choose"))
        return
    statement = found.row(row, named=True)
    with st.container(border=True):
        _statement(page, {**asked, "party_id": statement["party_id"], "currency": statement["currency"]}, statement)


def _statement(page: Page, asked: dict[str, object], statement: Mapping[str, Any]) -> None:
    """One statement: its equation, what moved it by component, and its entries."""
    words, code = page.words, statement["currency"]
    name = parties.name_of(statement["party_id"], statement["party_name"], words)
    st.subheader(words("statements.one"), anchor=False)
    st.text(f"{name} · {asked['period']} · {code} · {words.code('statement_state', statement['state'])}")
    st.text(words("statements.equation", **{part: display(statement[part], code) for part in _BALANCES}))
    st.text(
        words(
            "statements.then",
            payable=display(statement["payable"], code),
            minimum=display(statement["minimum_payout"], code),
            carry=display(statement["carry"], code),
        )
    )
    components = page.read("settlement_statement_components", **asked)
    visible = int(components["entries_count"].sum())
    if visible < statement["lines_count"]:
        st.warning(words("statements.partly", visible=f"{visible:,}", total=f"{statement['lines_count']:,}"))
    if visible:
        _components(page, components)
        _entries(page, asked, components["component"].to_list())
    with st.expander(words("statements.as_files")):
        st.caption(words("statements.files"))
        party = shlex.quote(str(asked["party_id"]))
        st.code(
            f"scrm settlement statements {asked['period']} --party {party} --out statements --format pdf",
            language=None,
            wrap_lines=True,
        )


def _components(page: Page, components: pl.DataFrame) -> None:
    words = page.words
    tables.show(
        tables.in_words(tables.money(components, "amount"), words, component="settlement_component"),
        {
            "component": words("statements.component"),
            "amount": words("statements.moved"),
            "currency": words("column.currency"),
            "entries_count": words("statements.entries_count"),
        },
        small=("currency", "entries_count"),
        key="statements_components",
    )
    code = components["currency"][0]
    st.caption(words("statements.together", total=f"{code} {display(int(components['amount'].sum()), code)}"))


def _entries(page: Page, asked: dict[str, object], components: list[str]) -> None:
    words = page.words
    key = "statements_" + "_".join(str(one) for one in asked.values())
    with st.grid(2, min_column_width=150):
        component = st.selectbox(
            words("statements.component"),
            [None, *components],
            format_func=lambda one: (
                words("statements.every_component") if one is None else words.code("settlement_component", one)
            ),
            key=f"{key}_component",
        )
        pages = st.container()
    entries = page.read("settlement_statement_entries", **asked, component=component, limit=_AT_ONCE)
    total = int(entries["matches_count"][0])
    number = 1
    if total > _AT_ONCE:
        number = int(
            pages.number_input(
                words("statements.page", pages=ceil(total / _AT_ONCE)),
                min_value=1,
                max_value=ceil(total / _AT_ONCE),
                key=f"{key}_{component}_page",
            )
        )
        skip = (number - 1) * _AT_ONCE
        entries = page.read("settlement_statement_entries", **asked, component=component, limit=_AT_ONCE, skip=skip)
        first, last = f"{skip + 1:,}", f"{skip + entries.height:,}"
        st.caption(words("statements.entries_shown", total=f"{total:,}", first=first, last=last))
    row = _table_of_entries(page, entries, f"{key}_{component}_{number}_entries")
    if row is None:
        st.caption(words("statements.choose_entry"))
    else:
        _entry(page, entries.row(row, named=True))


def _table_of_entries(page: Page, entries: pl.DataFrame, key: str) -> int | None:
    words = page.words
    return tables.pick(
        tables.in_words(
            tables.money(entries, "amount"),
            words,
            kind="posting",
            component="settlement_component",
            party_role="party_role",
        ),
        {
            "posted_on": words("statements.posted_on"),
            "kind": words("statements.entry_kind"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
            "component": words("statements.component"),
            "product_name": words("column.product"),
            "line_id": words("statements.line"),
            "rule_id": words("column.rule"),
            "party_role": words("column.party_role"),
            "store_id": words("column.store"),
            "economic_date": words("statements.economic_date"),
        },
        small=("currency",),
        key=key,
        height=360,
    )


def _entry(page: Page, entry: Mapping[str, Any]) -> None:
    """Why this amount: the line as a whole, each party's share, and the rule with its version."""
    words = page.words
    st.subheader(words("statements.why"), anchor=False)
    st.text(
        " · ".join(
            [
                entry["line_id"],
                words.code("posting", entry["kind"]),
                words.code("settlement_component", entry["component"]),
                tables.amount(entry["amount"], entry["currency"]),
            ]
        )
    )
    if entry["kind"] in ("ADJUSTMENT", "LATE_FACT"):
        st.caption(words.code("posting_meaning", entry["kind"]))
    if entry["posting"] not in _EXPLAINED:
        st.caption(words("statements.payment"))
        return
    converted = page.read("settlement_conversions", line_id=entry["line_id"])
    for row in converted.filter(entry_id=entry["entry_id"]).iter_rows(named=True):
        st.text(explain_conversion(row, words.language))
    settlement_explained.show(page, entry["posting"], entry["line_id"])


show()
