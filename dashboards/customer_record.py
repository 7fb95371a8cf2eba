"""The record of one customer on its page: own fields of the company, where values were said, contact points, owners."""

from collections.abc import Mapping

import polars as pl
import streamlit as st

from dashboards import tables
from dashboards.frame import Page

_RULES = {"record.home_store_by": "home_store_rule", "record.region_by": "region_rule"}


def fields(page: Page, customer_id: str) -> pl.DataFrame:
    """One row per field of the customer: its label, the values in words, and what the query says of their origin."""
    found = page.times(page.read("customer_fields", customer_id=customer_id), "stated_at", "runner_up_at")
    custom = page.read("customer_custom_fields")
    labels, choices = _words_of(page, custom)
    known = [labels.get(code) or page.words.code("identifier", code) for code in found["field"]]
    return found.with_columns(
        pl.Series("label", known, dtype=pl.String),
        pl.col("field").is_in(custom["field"].unique().to_list()).alias("is_custom"),
        *(
            pl.Series(
                name,
                [
                    _value(page, choices, code, value if value is not None else open_value)
                    for code, value, open_value in found.select("field", name, other).iter_rows()
                ],
                dtype=pl.String,
            )
            for name, other in (("value", "open_value"), ("runner_up_value", "runner_up_open_value"))
        ),
    )


def _words_of(page: Page, custom: pl.DataFrame) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Labels of custom fields, and of their choices, in the page's language."""
    rows = custom.select("field", "choice", page.words.language).rows()
    labels = {field: label for field, choice, label in rows if choice == ""}
    return labels, {(field, choice): label for field, choice, label in rows if choice}


def _value(page: Page, choices: Mapping[tuple[str, str], str], field: str, value: str | None) -> str | None:
    if value is None:
        return None
    return page.words.code("gender", value) if field == "gender" else choices.get((field, value), value)


def own_lines(found: pl.DataFrame) -> dict[str, str]:
    """Label and value of the company's own fields, for the card."""
    return dict(found.filter("is_custom").select("label", "value").rows())


def where_from(page: Page, profile: Mapping[str, object], found: pl.DataFrame) -> None:
    """On demand: who said each value and when, by what it went before another, and that other."""
    words = page.words
    with st.expander(words("record.where_from"), icon=":material/fact_check:"):
        st.caption(words("record.where_from_note"))
        for sentence, family in _RULES.items():
            rule = profile[family]
            if isinstance(rule, str):
                st.caption(words(sentence, rule=words.code(family, rule)))
        if found.is_empty():
            st.caption(words("customers.nothing"))
            return
        shown = tables.in_words(found, words, source="dataset", runner_up_source="dataset", decided_by="decided")
        tables.show(
            shown,
            {
                "label": words("column.field"),
                "value": words("column.value"),
                "source": words("column.source"),
                "stated_at": words("column.stated_at"),
                "is_verified": words("column.verified"),
                "decided_by": words("column.decided_by"),
                "runner_up_value": words("column.runner_up"),
                "runner_up_source": words("column.runner_up_source"),
                "runner_up_at": words("column.runner_up_at"),
                "store_name": words("column.store"),
                "record_id": words("column.record"),
            },
            small=("is_verified",),
            key="customer_fields",
        )


def contact_points(page: Page, customer_id: str) -> None:
    """By what the customer can be reached, and who looked after them."""
    words = page.words
    if not page.viewer.sees_all_stores:
        st.caption(words("record.points_in_scope"))
    found = page.read("customer_contact_points", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("customers.nothing"))
    else:
        tables.show(
            tables.in_words(
                page.times(found, "first_seen_at", "last_seen_at"), words, kind="contact_kind", source="dataset"
            ),
            {
                "kind": words("column.contact_kind"),
                "value": words("column.value"),
                "is_primary": words("column.primary"),
                "is_verified": words("column.verified"),
                "source": words("column.source"),
                "last_seen_at": words("column.last_seen"),
                "first_seen_at": words("column.first_seen"),
                "store_name": words("column.store"),
            },
            small=("is_primary", "is_verified"),
            key="customer_contact_points",
        )
    _owners(page, customer_id)


def _owners(page: Page, customer_id: str) -> None:
    words = page.words
    found = page.read("customer_owners", customer_id=customer_id)
    if found.is_empty():
        return
    st.subheader(words("record.owners"), anchor=False)
    shown = tables.in_words(page.times(found, "valid_from", "valid_to"), words, rule="owner_rule")
    tables.show(
        shown.with_columns(pl.coalesce("staff_name", "userid").alias("staff_name")),
        {
            "staff_name": words("column.owner"),
            "valid_from": words("column.valid_from"),
            "valid_to": words("column.valid_to"),
            "rule": words("column.rule"),
            "store_name": words("column.store"),
        },
        key="customer_owners",
    )
