"""How one line was settled, down to the rule: its shares and what its parties pay each other."""

import polars as pl
import streamlit as st

from dashboards import parties, tables
from dashboards.frame import Page
from dashboards.text import Words
from models.money import PPM
from models.settlement.explaining_transfers import explain_transfer


def show(page: Page, posting: str, line_id: str) -> None:
    """How a line's amount was shared: base × rate, cut down, and who got the units that were left.

    A refund of more than its line still held is shared in two parts, each with its own base.
    """
    words = page.words
    entries = page.read("settlement_explained", posting=posting, line_id=line_id)
    for number, part in enumerate(entries.partition_by("link_state", maintain_order=True)):
        first = part.row(0, named=True)
        st.text(
            words(
                "settlement.explained",
                rule=first["rule_id"],
                version=first["rule_version"],
                base=tables.amount(first["base_amount"], first["currency"]),
                total=tables.amount(int(part["amount"].sum()), first["currency"]),
            )
        )
        if first["link_state"] is not None:
            st.caption(words.code("link_state", first["link_state"]))
        _entries(words, part, number)
    if entries.height:
        st.caption(words("settlement.rounding_note"))
    transfers = page.read("settlement_transfers", posting=posting, line_id=line_id)
    _transfers(page, transfers)
    if entries.is_empty() and transfers.is_empty():
        st.caption(words("settlement.unexplained"))


def _transfers(page: Page, transfers: pl.DataFrame) -> None:
    """What the parties of the line pay each other for it: commissions, fees, rebates, each with how it came about."""
    if transfers.is_empty():
        return
    words = page.words
    st.subheader(words("settlement.transfers"), anchor=False)
    named = tables.in_words(
        transfers, words, component="settlement_component", party_role="party_role", posting="posting"
    )
    told = [explain_transfer(row, words.language) for row in named.iter_rows(named=True)]
    shown = parties.named(tables.money(transfers, "amount"), words)
    tables.show(
        tables.in_words(shown, words, component="settlement_component"),
        {
            "component": words("column.component"),
            "party": words("column.party"),
            "party_role": words("column.party_role"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
        },
        small=("currency",),
        key="settlement_transfers",
    )
    for row, text in zip(transfers.iter_rows(named=True), told, strict=True):
        if row["side"] == "party":
            st.text(text)


def _entries(words: Words, entries: pl.DataFrame, number: int) -> None:
    shown = parties.named(tables.money(entries, "floor_amount", "rounding", "amount"), words)
    tables.show(
        shown.with_columns(pl.col("rate_ppm") * 100.0 / PPM),
        {
            "party": words("column.party"),
            "party_role": words("column.party_role"),
            "rate_ppm": words("column.rate"),
            "floor_amount": words("column.floor"),
            "rounding": words("column.rounding"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
        },
        formats={"rate_ppm": "%.4f%%"},
        small=("currency",),
        key=f"settlement_entries_{number}",
    )
