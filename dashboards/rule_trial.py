"""What-if: a draft of the settlement rulebook on past months, who would get more and who less.

The page asks (``store.jobs``) and a worker settles; the newest trial of one's own stays in sight.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards import data, parties, tables, waiting
from dashboards.frame import Page
from dashboards.text import Words
from models.documents.loading import DocumentError
from models.documents.settlement import SettlementDocument
from models.money import display
from models.store import Job

KIND = "simulate_settlement"
_DRAFT, _FILE = "rules_draft", "rules_file"
_BAD_FILE = "rules_bad_file"
_LONGEST = 1024 * 1024  # characters, as a file of the uploader; the shipped rulebook has 3,000
_AMOUNTS = ("difference", "amount_before", "amount_after")
_KEYS = {
    "parties": ("party_id", "party_role", "currency"),
    "rules": ("component", "rule_id", "party_role", "currency"),
    "orders": ("order_key", "store_id", "party_id", "party_role", "currency"),
}


def show(page: Page, in_force: str) -> SettlementDocument | None:
    """The draft, the form, and what the newest trial gave. The draft that is written there; None while it is none.

    ``in_force``: the text to begin with.
    """
    last = _newest(page)
    document = _draft(page, in_force, last)
    _form(page, document, last)
    if last is not None:
        _outcome(page, last)
    return document


def text() -> str:
    """The draft as it is written."""
    return str(st.session_state[_DRAFT])


def _newest(page: Page) -> Job | None:
    """Nobody's trial is another's: an owner, who may see every job, sees their own here too."""
    by = page.viewer.user_id
    found = data.store().jobs.list(page.viewer, kinds=(KIND,), limit=1, requested_by=by)
    return found[0] if found else None


def _draft(page: Page, in_force: str, last: Job | None) -> SettlementDocument | None:
    words = page.words
    if _DRAFT not in st.session_state:
        st.session_state[_DRAFT] = str(last.arguments["draft"]) if last is not None else in_force
    st.text_area(words("rules.draft"), key=_DRAFT, height=260, max_chars=_LONGEST)
    with st.expander(words("rules.begin_with"), icon=":material/restart_alt:"):
        st.button(words("rules.take_in_force"), on_click=_replace, args=(in_force,), key="rules_take_in_force")
        st.file_uploader(words("rules.file"), type=["yaml", "yml"], max_upload_size=1, on_change=_uploaded, key=_FILE)
    if st.session_state.pop(_BAD_FILE, False):
        st.error(words("rules.not_text"))
    try:
        return SettlementDocument.parse(text(), name=words("rules.draft_name"))
    except DocumentError as error:
        st.error(words("rules.not_a_rulebook"))
        st.text(str(error))
        return None


def _replace(with_text: str) -> None:
    st.session_state[_DRAFT] = with_text


def _uploaded() -> None:
    handed = st.session_state[_FILE]
    if handed is None:  # taken away again
        return
    try:
        _replace(handed.getvalue().decode("utf-8-sig"))
    except UnicodeDecodeError:
        st.session_state[_BAD_FILE] = True


def _form(page: Page, document: SettlementDocument | None, last: Job | None) -> None:
    words = page.words
    periods = page.read("settlement_periods")["period"].to_list()
    if not periods:
        st.info(words("settlement.none"))
        return
    with st.grid(3, min_column_width=150):
        first = st.selectbox(words("rules.first_month"), periods, key="rules_first_month")
        until = st.selectbox(words("rules.last_month"), periods, key="rules_last_month")
        begins: date | None = st.date_input(
            words("rules.draft_from"),
            value=None,
            format="YYYY-MM-DD",
            help=words("rules.draft_from_help"),
            key="rules_draft_from",
        )
    pressed = st.button(
        words("rules.try"),
        type="primary",
        icon=":material/science:",
        disabled=last is not None and last.is_open,
        key="rules_try",
    )
    st.caption(words("rules.try_note"))
    if not pressed or document is None:
        return
    if first > until:
        st.warning(words("rules.months_order"))
        return
    arguments = {"draft": text(), "periods": f"{first}..{until}"}
    if begins is not None:
        arguments["effective_from"] = begins.isoformat()
    by = page.viewer.user_id
    key = f"{by}:{document.version}:{arguments['periods']}:{begins or ''}"
    data.store().jobs.ask(KIND, arguments, by, key)
    st.rerun()


def _outcome(page: Page, job: Job) -> None:
    words = page.words
    if job.is_open:
        waiting.show(words, job.job_id, "rules", "rules_trial")
    elif job.status == "cancelled":
        st.info(words("rules.trial_cancelled"))
    elif job.status == "failed" or job.result is None:
        failed(words, job)
    else:
        _result(page, job, job.result)


def failed(words: Words, job: Job) -> None:
    """What was asked for was not done: the worker's own words, which name every problem of a draft."""
    st.subheader(words.code("job_kind", job.kind), anchor=False)
    st.error(words("rules.failed"))
    st.text(job.error or "")


def _result(page: Page, job: Job, found: Mapping[str, Any]) -> None:
    words = page.words
    st.subheader(words("rules.result"), anchor=False)
    last = date.fromisoformat(found["until"]) - timedelta(days=1)
    st.caption(
        words(
            "rules.result_of",
            version=found["version"][:8],
            begins=found["effective_from"],
            first=found["first"],
            last=last.isoformat(),
            time=_asked_at(page, job),
        )
    )
    _cards(words, found["moved"])
    changed = {part: [row for row in found[part] if row["difference"]] for part in _KEYS}
    if not any(changed.values()):
        st.info(words("rules.same"))
    counts = {part: f"{int(found[f'{part}_count']):,}" for part in _KEYS}
    for part, note in (
        ("parties", words("rules.parties_note", n=f"{len(changed['parties']):,}", all=counts["parties"])),
        ("rules", words("rules.rules_note", n=f"{len(changed['rules']):,}", all=counts["rules"])),
        ("orders", words("rules.orders_note", all=counts["orders"])),
    ):
        if changed[part]:
            st.subheader(words.code("rules_part", part), anchor=False)
            st.caption(note)
            _changes(words, part, changed[part])
    _held_back(words, found["unsettled"])


def _asked_at(page: Page, job: Job) -> str:
    asked = pl.DataFrame({"at": pl.Series([job.requested_at], dtype=pl.Datetime("us"))})
    return str(page.times(asked, "at")["at"][0])


def _cards(words: Words, moved: list[dict[str, Any]]) -> None:
    """A card for each currency: what parties that gain gain, and what others lose for it."""
    with st.grid(3, min_column_width=230):
        for row in moved:
            currency = row["currency"]
            with st.container(border=True):
                st.metric(words("rules.moved_in", currency=currency), display(row["gained_amount"], currency))
                st.caption(
                    words(
                        "rules.moved_between",
                        gaining=f"{row['gaining_count']:,}",
                        losing=f"{row['losing_count']:,}",
                        all=f"{row['parties_count']:,}",
                        lost=display(row["lost_amount"], currency),
                    )
                )


def _changes(words: Words, part: str, rows: list[dict[str, Any]]) -> None:
    keys = _KEYS[part]
    schema = {**dict.fromkeys(keys, pl.String), **dict.fromkeys(_AMOUNTS, pl.Int64)}
    found = pl.DataFrame([tuple(row[name] for name in schema) for row in rows], schema=schema, orient="row")
    families = {"party_role": "party_role", "component": "settlement_component"}
    shown = tables.in_words(
        tables.money(found, *_AMOUNTS), words, **{name: family for name, family in families.items() if name in keys}
    )
    if "party_id" in keys:
        named = [parties.name_of(party, None, words) for party in found["party_id"]]
        shown = shown.with_columns(pl.Series("party_id", named, dtype=pl.String))
    labels = {
        "order_key": words("column.order_id"),
        "component": words("column.component"),
        "rule_id": words("column.rule"),
        "party_id": words("column.party"),
        "party_role": words("column.party_role"),
        "difference": words("rules.difference"),
        "currency": words("column.currency"),
        "amount_before": words("rules.before"),
        "amount_after": words("rules.after"),
        "store_id": words("column.store"),
    }
    tables.show(
        shown,
        {name: label for name, label in labels.items() if name in schema},
        small=("currency",),
        key=f"rules_{part}",
    )


def _held_back(words: Words, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    st.subheader(words("rules.held_back"), anchor=False)
    st.caption(words("rules.held_back_note"))
    held = pl.DataFrame(
        [(row["reason"], row["facts_before"], row["facts_after"]) for row in rows],
        schema={"reason": pl.String, "facts_before": pl.Int64, "facts_after": pl.Int64},
        orient="row",
    ).with_columns((pl.col("facts_after") - pl.col("facts_before")).alias("difference"))
    tables.show(
        tables.in_words(held, words, reason="held_back"),
        {
            "reason": words("column.reason"),
            "difference": words("rules.difference"),
            "facts_before": words("rules.before"),
            "facts_after": words("rules.after"),
        },
        key="rules_held_back",
    )
