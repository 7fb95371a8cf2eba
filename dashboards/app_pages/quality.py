"""Can the figures be trusted: freshness, checks, what came in and what was turned away, the estimators' cards."""

import json
from typing import Any

import polars as pl
import streamlit as st

from dashboards import frame, tables
from dashboards.frame import Page
from dashboards.text import Words


def show() -> None:
    page = frame.open_page("quality.title")
    if not page.viewer.sees_all_stores:
        st.caption(page.words("quality.company_only"))
    accounting = page.read("import_accounting")
    _figures(page, accounting)
    _freshness(page)
    if page.viewer.sees_all_stores:
        _checks(page)
        _imports(page, accounting)
        _estimators(page)


def _figures(page: Page, accounting: pl.DataFrame) -> None:
    words = page.words
    checks = page.read("quality_checks")
    if checks.is_empty() and accounting.is_empty():
        return
    # what people's actions left in the store was counted when it came in
    accounting = accounting.filter(pl.col("door") != "store")
    frame.numbers(
        [
            (words("quality.checks_passed"), f"{checks['passed'].sum()} / {checks.height}"),
            (words("quality.rows_accepted"), f"{accounting['accepted'].sum():,}"),
            (words("quality.rows_quarantined"), f"{accounting['quarantined'].sum():,}"),
            (words("quality.rows_skipped"), f"{accounting['skipped'].sum():,}"),
        ]
    )


def _freshness(page: Page) -> None:
    words = page.words
    st.subheader(words("quality.freshness"), anchor=False)
    st.caption(words("quality.freshness_note", day=page.business_date))
    found = page.times(page.read("data_freshness"), "last_event_at")
    tables.show(
        tables.in_words(found, words, dataset="dataset"),
        {
            "dataset": words("column.dataset"),
            "days_behind": words("column.days_behind"),
            "last_event_at": words("column.last_event"),
            "rows_count": words("column.rows"),
        },
        key="quality_freshness",
    )


def _checks(page: Page) -> None:
    words = page.words
    st.subheader(words("quality.checks"), anchor=False)
    found = page.read("quality_checks")
    if found.is_empty():
        st.caption(words("quality.no_checks"))
        return
    failed = found.filter(~pl.col("passed"))
    if failed.is_empty():
        st.success(words("quality.all_passed", n=found.height), icon=":material/check_circle:")
    else:
        st.error(words("quality.some_failed", n=failed.height), icon=":material/error:")
        tables.show(failed, _check_labels(page), key="quality_failed")
    with st.expander(words("quality.every_check", n=found.height)):
        tables.show(found, _check_labels(page), key="quality_all")


def _check_labels(page: Page) -> dict[str, str]:
    words = page.words
    return {
        "check_name": words("column.check"),
        "passed": words("column.passed"),
        "failing_rows": words("column.failing_rows"),
    }


def _imports(page: Page, accounting: pl.DataFrame) -> None:
    words = page.words
    st.subheader(words("quality.imports"), anchor=False)
    if accounting.is_empty():
        st.caption(words("quality.no_imports"))
        return
    st.caption(words("quality.imports_note"))
    labels = {
        "dataset": words("column.dataset"),
        "door": words("column.door"),
        "rows": words("column.rows"),
        "accepted": words("column.accepted"),
        "quarantined": words("column.quarantined"),
        "skipped": words("column.skipped"),
    }
    tables.show(
        _datasets_in_words(accounting, words),
        {**labels, "batches": words("column.batches")},
        key="quality_accounting",
    )
    with st.expander(words("quality.batches")):
        tables.show(
            _datasets_in_words(page.read("batches"), words),
            {
                "seq": words("column.seq"),
                "source": words("column.source"),
                **{name: label for name, label in labels.items() if name != "door"},
            },
            key="quality_batches",
        )


def _estimators(page: Page) -> None:
    words = page.words
    st.subheader(words("quality.estimators"), anchor=False)
    found = page.read("estimators")
    if found.is_empty():
        st.caption(words("quality.no_estimators"))
        return
    for row in found.iter_rows(named=True):
        st.text(
            words(
                "quality.estimator",
                name=words.code("estimator", row["estimator"]),
                day=row["trained_on"],
                artifact=row["artifact_id"][:12],
            )
        )
        card = json.loads(row["metrics"])
        figures = _flat(card.get("metrics", card))
        tables.show(
            pl.DataFrame(
                {"figure": [words.code("metric", name) for name in figures], "value": list(figures.values())},
                schema={"figure": pl.String, "value": pl.String},
            ),
            {"figure": words("column.figure"), "value": words("column.value")},
            right=("value",),
            key=f"quality_estimator_{row['estimator']}",
        )
        _comparison(words, card, row["estimator"])


def _comparison(words: Words, card: dict[str, Any], estimator: str) -> None:
    """The estimator beside the rules of thumb it must beat, from the card's ``comparison``."""
    compared = card.get("comparison")
    if not compared:
        return
    st.caption(words("quality.comparison"))
    figures = ("auc", "auc_low", "auc_high", "brier", "lift_10")
    rows = [{"name": line["name"], **{name: _number(line.get(name)) for name in figures}} for line in compared]
    tables.show(
        pl.DataFrame(rows),
        {"name": words("column.way"), **{name: words.code("metric", name) for name in figures}},
        right=figures,
        key=f"quality_comparison_{estimator}",
    )


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str("" if value is None else value)


def _datasets_in_words(frame_: pl.DataFrame, words: Words) -> pl.DataFrame:
    """A batch can hold several datasets: ``wecom_staff, wecom_syncs``."""
    known = {
        names: words("word.separator").join(words.code("dataset", name) for name in names.split(", "))
        for names in frame_["dataset"].drop_nulls().unique()
    }
    shown = frame_.with_columns(pl.col("dataset").replace(known))
    return tables.in_words(shown, words, door="door") if "door" in shown.columns else shown


def _flat(values: object, prefix: str = "") -> dict[str, str]:
    """Nested figures as ``outer.inner`` → text; a card has some dozens of them."""
    if isinstance(values, dict):
        found: dict[str, str] = {}
        for name, value in values.items():
            found |= _flat(value, f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(values, float):
        return {prefix: f"{values:.4f}"}
    if isinstance(values, list):
        return {prefix: ", ".join(str(value) for value in values)}
    return {prefix: str(values)}


show()
