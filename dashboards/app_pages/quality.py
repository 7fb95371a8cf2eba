"""Can the figures be trusted: freshness, checks, what came in and what was turned away, the estimators' cards."""

import json
from typing import Any

import polars as pl
import streamlit as st

from dashboards import frame, tables
from dashboards.frame import Page
from dashboards.text import Words
from ml import features

FIGURES = (
    "auc",
    "auc_low",
    "auc_high",
    "heuristic_auc",
    "recency_auc",
    "lift_10",
    "base_rate",
    "ece",
    "brier",
)


def show() -> None:
    page = frame.open_page("quality.title")
    if not page.viewer.sees_all_stores:
        st.caption(page.words("quality.company_only"))
    accounting = page.read("import_accounting")
    _figures(page, accounting)
    _freshness(page)
    if page.viewer.sees_all_stores:
        _sources(page)
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
    # a dataset that the company does not have is no news; how many rows there are, only viewers of the company know
    there = pl.col("rows_count") > 0 if page.viewer.sees_all_stores else pl.col("last_event_at").is_not_null()
    found = page.times(page.read("data_freshness").filter(there), "last_event_at")
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


def _sources(page: Page) -> None:
    words = page.words
    st.subheader(words("quality.sources"), anchor=False)
    found = page.read("sources")
    if found.is_empty():
        st.caption(words("quality.no_sources"))
        return
    st.caption(words("quality.sources_note"))
    tables.show(
        tables.in_words(page.times(found, "landed_at"), words, system="door", stream="stream"),
        {
            "system": words("column.system"),
            "account": words("column.account"),
            "stream": words("column.stream"),
            "landed_at": words("column.landed_at"),
            "landed": words("column.landed"),
            "quarantined": words("column.quarantined"),
            "known_before": words("column.known_before"),
            "newest_batch": words("column.newest_batch"),
        },
        key="quality_sources",
    )
    _unknown_states(page)


def _unknown_states(page: Page) -> None:
    """Totals that rest on records in a state that nobody here knows are marked, and the state named."""
    words = page.words
    found = page.read("unknown_states")
    if found.is_empty():
        return
    st.warning(words("quality.unknown_states", n=f"{found['records_count'].sum():,}"), icon=":material/warning:")
    tables.show(
        tables.in_words(found, words, dataset="dataset"),
        {
            "dataset": words("column.dataset"),
            "store_id": words("column.store"),
            "state": words("column.state"),
            "records_count": words("column.rows"),
        },
        key="quality_unknown_states",
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
        _check_table(words, failed, "quality_failed")
    with st.expander(words("quality.every_check", n=found.height)):
        _check_table(words, found, "quality_all")


def _check_table(words: Words, found: pl.DataFrame, key: str) -> None:
    """The rules of the business before the keys of tables; the technical name last, for who looks it up."""
    shown = found.with_columns(
        pl.Series("said", [_check(words, name) for name in found["check_name"]], dtype=pl.String),
        pl.col("check_name").str.contains("^(grain|not_null)_").alias("is_key"),
    ).sort("passed", "is_key", "check_name")
    tables.show(
        shown,
        {
            "said": words("column.check"),
            "passed": words("column.passed"),
            "failing_rows": words("column.failing_rows"),
            "check_name": words("column.technical_name"),
        },
        key=key,
    )


def _check(words: Words, name: str) -> str:
    """What a check says: a sentence of its own, or ``grain_<table>_<key>`` and ``not_null_<table>_<column>`` in words.

    A check without words is its name, which is a sentence in English.
    """
    sentence = name.removeprefix("assert_")
    for kind in ("grain", "not_null"):
        if sentence.startswith(f"{kind}_"):
            parts = sentence.removeprefix(f"{kind}_").removeprefix("serve_").split("_")
            tables_ = ("_".join(parts[:length]) for length in range(len(parts), 0, -1))
            table = next((said for name_ in tables_ if (said := words.known("table", name_))), None)
            if table is not None:
                return words.code("key_check", kind).format(table=table)
    return words.known("check", sentence) or sentence.replace("_", " ")


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
    by_name = _datasets_in_words(accounting, words).group_by("dataset", "door", maintain_order=True)
    tables.show(
        tables.in_words(
            by_name.agg(pl.col("rows", "accepted", "quarantined", "skipped", "batches").sum()), words, door="door"
        ),
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


def _datasets_in_words(frame_: pl.DataFrame, words: Words) -> pl.DataFrame:
    """A batch can hold several datasets: ``wecom_contacts, wecom_follows``; one without words only goes with them.

    It holds none when all that was read again was known: then it only moved a position.
    """

    def said(names: str) -> str:
        if not names:
            return words("quality.nothing_new")
        codes = names.split(", ")
        known = [text for code in codes if (text := words.known("dataset", code))]
        return words("word.separator").join(known or codes)

    known = {names: said(names) for names in frame_["dataset"].drop_nulls().unique()}
    return frame_.with_columns(pl.col("dataset").replace(known))


def _estimators(page: Page) -> None:
    words = page.words
    st.subheader(words("quality.estimators"), anchor=False)
    found = page.read("estimators")
    if found.is_empty():
        st.caption(words("quality.no_estimators"))
        return
    for row in found.iter_rows(named=True):
        card = json.loads(row["metrics"])
        figures = card["metrics"]
        st.text(
            words(
                "quality.estimator",
                name=words.code("estimator", row["estimator"]),
                day=row["trained_on"],
                artifact=row["artifact_id"][:12],
            )
        )
        st.caption(words("quality.estimator_note", n=f"{figures['test_rows']:,}"))
        shown = [name for name in FIGURES if name in figures]
        tables.show(
            pl.DataFrame(
                {
                    "figure": [words.code("metric", name) for name in shown],
                    "value": [float(figures[name]) for name in shown],
                    "meaning": [words.code("metric_note", name) for name in shown],
                },
                schema={"figure": pl.String, "value": pl.Float64, "meaning": pl.String},
            ),
            {"figure": words("column.figure"), "value": words("column.value"), "meaning": words("column.meaning")},
            formats={"value": "%.4f"},
            small=("value",),
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
    chosen = card.get("chosen")
    rows = [
        {"name": _way(words, line["name"], chosen), **{name: line.get(name) for name in figures}} for line in compared
    ]
    tables.show(
        pl.DataFrame(rows, schema={"name": pl.String, **dict.fromkeys(figures, pl.Float64)}),
        {"name": words("column.way"), **{name: words.code("metric", name) for name in figures}},
        formats=dict.fromkeys(figures, "%.4f"),
        key=f"quality_comparison_{estimator}",
    )


def _way(words: Words, name: str, chosen: str | None) -> str:
    """A way of judging in words: a rule of thumb by one figure of the customer, or an estimator."""
    feature = features.BY_NAME.get(name)
    if feature is not None:
        said = words("quality.by_figure", figure=feature.zh if words.language == "zh" else feature.en)
    else:
        said = words.code("way", name)
    return words("quality.in_use", way=said) if name == chosen else said


show()
