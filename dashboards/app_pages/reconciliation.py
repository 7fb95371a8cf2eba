"""Reconciliation: bills against our own payments by day and class, the worklist, and what people decided."""

from datetime import date

import polars as pl
import streamlit as st

from dashboards import access, data, frame, tables
from dashboards.frame import Page
from models.money import display
from models.serving.reconciling import difference_of, overlaid
from models.serving.roles import RECONCILERS, NotAllowedError
from models.settlement.reconciliation import MATCHED
from models.store import Store
from models.store.reconciliation import VERDICTS, DifferenceRefusedError, in_force

_DONE = "reconciliation_done"  # what was decided a moment ago, said once
_STATES = ("open", "waiting", *VERDICTS)
_PRESSED = {
    "accept": "reconciliation.accept",
    "adjust": "reconciliation.adjust",
    "dispute": "reconciliation.dispute",
}
_MOST = 1000
_RECENT = 20


def show() -> None:
    page = frame.open_page("reconciliation.title")
    words = page.words
    done = st.session_state.pop(_DONE, None)
    if done is not None:
        st.success(words(done))
    period = page.read("reconciliation_last_day")
    if period.is_empty():
        st.info(words("reconciliation.none"))
        return
    first, last = period.row(0)
    asked = _filters(page, first, last)
    if asked is None:
        return
    classes = page.read("reconciliation_by_class", **asked)
    if classes.is_empty():
        st.info(words("reconciliation.none_here"))
        return
    _figures(page, classes)
    worklist, days = st.tabs([words("reconciliation.worklist"), words("reconciliation.by_day")])
    ledger = data.store().reconciliation_decisions.rows_after(0)
    with worklist:
        _worklist(page, asked, ledger)
        _decided(page, ledger)
    with days:
        _classes(page, classes)
        _days(page, asked)


def _filters(page: Page, first: date, last: date) -> dict[str, object] | None:
    words = page.words
    channels = page.read("reconciliation_channels")["channel"].to_list()
    with st.grid(2, min_column_width=150):
        chosen = st.date_input(
            words("reconciliation.days"),
            (first, last),
            min_value=first,
            max_value=last,
            format="YYYY-MM-DD",
            key="reconciliation_days",
        )
        channel = st.selectbox(
            words("reconciliation.channel"),
            [None, *channels],
            format_func=lambda one: (
                words("reconciliation.every_channel") if one is None else words.code("payment_channel", one)
            ),
            key="reconciliation_channel",
        )
    if not isinstance(chosen, tuple) or len(chosen) != 2:  # the second day is still to be chosen
        return None
    return {"first": chosen[0], "last": chosen[1], "channel": channel}


def _figures(page: Page, classes: pl.DataFrame) -> None:
    """A card for each currency: both sides, and what is left between them."""
    words = page.words
    totals = classes.group_by("currency", maintain_order=True).agg(
        pl.col("ours_amount", "bill_amount", "difference_amount", "ours_count", "bill_count").sum(),
        pl.col("ours_count", "bill_count").filter(pl.col("class") == MATCHED).sum().name.suffix("_agreed"),
    )
    with st.grid(3, min_column_width=230):
        for row in totals.iter_rows(named=True):
            currency = row["currency"]
            with st.container(border=True):
                left = display(row["difference_amount"], currency)
                st.metric(words("reconciliation.difference_in", currency=currency), left)
                st.caption(
                    words(
                        "reconciliation.made_of",
                        ours=display(row["ours_amount"], currency),
                        bill=display(row["bill_amount"], currency),
                        agreed=f"{row['ours_count_agreed'] + row['bill_count_agreed']:,}",
                        all=f"{row['ours_count'] + row['bill_count']:,}",
                    )
                )


def _classes(page: Page, classes: pl.DataFrame) -> None:
    words = page.words
    shown = tables.money(classes, "ours_amount", "bill_amount", "difference_amount")
    tables.show(
        tables.in_words(shown, words, channel="payment_channel").with_columns(
            pl.Series("class", [words.code("difference", one) for one in shown["class"]])
        ),
        {
            "channel": words("reconciliation.channel"),
            "class": words("reconciliation.class"),
            "difference_amount": words("reconciliation.difference"),
            "currency": words("column.currency"),
            "ours_count": words("reconciliation.ours_rows"),
            "bill_count": words("reconciliation.bill_rows"),
            "ours_amount": words("reconciliation.ours"),
            "bill_amount": words("reconciliation.bill"),
        },
        small=("currency", "ours_count", "bill_count"),
        key="reconciliation_classes",
    )


def _days(page: Page, asked: dict[str, object]) -> None:
    words = page.words
    st.subheader(words("reconciliation.by_day"), anchor=False)
    days = page.read("reconciliation_by_day", **asked)
    shown = tables.money(days, "ours_amount", "bill_amount", "difference_amount")
    tables.show(
        tables.in_words(shown, words, channel="payment_channel"),
        {
            "day": words("column.day"),
            "channel": words("reconciliation.channel"),
            "account_id": words("reconciliation.account"),
            "ours_amount": words("reconciliation.ours"),
            "bill_amount": words("reconciliation.bill"),
            "difference_amount": words("reconciliation.difference"),
            "currency": words("column.currency"),
        },
        small=("currency",),
        key="reconciliation_day_table",
        height=420,
    )


def _worklist(page: Page, asked: dict[str, object], ledger: pl.DataFrame) -> None:
    words = page.words
    with st.grid(2, min_column_width=150):
        state = st.selectbox(
            words("reconciliation.state"),
            [*_STATES, None],
            format_func=lambda one: (
                words("reconciliation.every_state") if one is None else words.code("reconciliation_state", one)
            ),
            key="reconciliation_state",
        )
        held = page.read("reconciliation_by_class", **asked)["class"].unique().sort().to_list()
        class_ = st.selectbox(
            words("reconciliation.class"),
            [None, *(one for one in held if one != MATCHED)],
            format_func=lambda one: (
                words("reconciliation.every_class") if one is None else words.code("difference", one)
            ),
            key="reconciliation_class",
        )
    found = page.read("reconciliation_items", **asked, difference_class=class_, limit=_MOST)
    items = overlaid(found, in_force(ledger))
    if state is not None:
        items = items.filter(pl.col("state") == state)
    total = int(found["matches_count"].head(1).sum())
    if total > found.height:
        st.caption(words("reconciliation.shown", shown=f"{found.height:,}", total=f"{total:,}"))
    if items.is_empty():
        st.info(words("reconciliation.nothing_here"))
        return
    shown = tables.money(items, "difference_amount", "fee_difference", "ours_amount", "bill_amount")
    shown = tables.in_words(shown, words, channel="payment_channel", state="reconciliation_state")
    row = tables.pick(
        shown.with_columns(pl.Series("class", [words.code("difference", one) for one in items["class"]])),
        {
            "class": words("reconciliation.class"),
            "difference_amount": words("reconciliation.difference"),
            "currency": words("column.currency"),
            "day": words("column.day"),
            "state": words("column.state"),
            "ours_amount": words("reconciliation.ours"),
            "bill_amount": words("reconciliation.bill"),
            "fee_difference": words("reconciliation.fee_difference"),
            "channel": words("reconciliation.channel"),
            "store_id": words("column.store"),
        },
        small=("currency",),
        key="reconciliation_items",
        height=360,
    )
    if row is None:
        st.caption(words("reconciliation.choose"))
        return
    _item(page, items.row(row, named=True))


def _item(page: Page, item: dict[str, object]) -> None:
    """One difference: what it means, the rows of both sides, and the decision."""
    words = page.words
    with st.container(border=True):
        st.subheader(words.code("difference", str(item["class"])), anchor=False)
        st.caption(words.code("difference_meaning", str(item["class"])))
        if item["further_class"] is not None:
            st.warning(words("reconciliation.further", name=words.code("difference", str(item["further_class"]))))
        rows = page.times(page.read("reconciliation_item_rows", item_id=item["item_id"]), "occurred_at")
        tables.show(
            tables.in_words(tables.money(rows, "stated_amount", "fee_amount"), words, side="reconciliation_side"),
            {
                "side": words("reconciliation.side"),
                "stated_amount": words("column.amount"),
                "currency": words("column.currency"),
                "is_success": words("reconciliation.success"),
                "fee_amount": words("reconciliation.fee"),
                "occurred_at": words("column.time"),
                "bill_day": words("reconciliation.bill_day"),
                "reference": words("reconciliation.reference"),
                "entry_id": words("reconciliation.entry"),
            },
            small=("currency", "is_success"),
            key=f"reconciliation_rows_{item['item_id']}",
        )
        st.text(words("reconciliation.item", item=item["item_id"]))
        if item["decision_id"] is not None:
            st.text(words("reconciliation.so_far", reason=item["reason"]))
        if RECONCILERS & page.viewer.roles:
            _decide(page, item)


def _decide(page: Page, item: dict[str, object]) -> None:
    words = page.words
    key = f"reconciliation_{item['item_id']}"
    with st.form(f"{key}_form", border=False, enter_to_submit=False):
        reason = st.text_input(words("reconciliation.reason"), max_chars=400, key=f"{key}_reason")
        with st.container(horizontal=True):
            pressed = [
                verdict
                for verdict in VERDICTS
                if st.form_submit_button(words(_PRESSED[verdict]), key=f"{key}_{verdict}")
            ]
    if not pressed:
        return
    if not reason.strip():
        st.error(words("review.reason_needed"))
        return
    store, by, now = _asked_again(page), page.viewer.user_id, access.now()
    try:
        seq = store.reconciliation_decisions.decide(pressed[0], difference_of(item), reason=reason, author=by, at=now)
    except DifferenceRefusedError:
        st.error(words("reconciliation.refused"))
        return
    details = {"verdict": pressed[0], "item_id": item["item_id"], "class": item["class"]}
    store.audit.record(by, "difference_decided", "reconciliation_decision", str(seq), details, now)
    st.session_state[_DONE] = "reconciliation.recorded"
    st.rerun()


def _asked_again(page: Page) -> Store:
    """The store, for who may decide: a form of before a role was withdrawn is refused."""
    if not (RECONCILERS & page.viewer.roles and page.viewer.may_open("reconciliation")):
        raise NotAllowedError("act:reconciliation")
    return data.store()


def _decided(page: Page, ledger: pl.DataFrame) -> None:
    """The newest decisions on differences that the viewer sees; what holds can be taken back."""
    words = page.words
    newest = ledger.filter(pl.col("verdict").is_in(VERDICTS)).sort("seq", descending=True).head(_RECENT)
    seen = [not page.read("reconciliation_item", item_id=one).is_empty() for one in newest["item_id"]]
    newest = newest.filter(pl.Series(seen, dtype=pl.Boolean))
    if newest.is_empty():
        return
    st.subheader(words("reconciliation.recent"), anchor=False)
    standing = set(in_force(ledger)["seq"])
    names = {user.user_id: user.name for user in data.store().users.all()}
    shown = page.times(tables.money(newest, "difference_amount"), "decided_at").with_columns(
        pl.Series("class", [words.code("difference", one) for one in newest["class"]]),
        author=pl.col("author").replace(names),
        holds=pl.Series([seq in standing for seq in newest["seq"]], dtype=pl.Boolean),
    )
    row = tables.pick(
        tables.in_words(shown, words, verdict="reconciliation_state"),
        {
            "verdict": words("review.verdict"),
            "class": words("reconciliation.class"),
            "difference_amount": words("reconciliation.difference"),
            "currency": words("column.currency"),
            "reason": words("column.reason"),
            "author": words("column.person"),
            "decided_at": words("column.time"),
            "holds": words("review.in_force"),
        },
        small=("currency", "holds"),
        key="reconciliation_recent",
    )
    if row is not None and newest["seq"][row] in standing and RECONCILERS & page.viewer.roles:
        _undo(page, int(newest["seq"][row]))


def _undo(page: Page, seq: int) -> None:
    words = page.words
    with st.form(f"reconciliation_undo_{seq}", border=False, enter_to_submit=False):
        reason = st.text_input(words("review.undo_reason", n=seq), max_chars=400, key=f"reconciliation_undo_why_{seq}")
        pressed = st.form_submit_button(
            words("review.undo"), icon=":material/undo:", key=f"reconciliation_undo_go_{seq}"
        )
    if not pressed:
        return
    if not reason.strip():
        st.error(words("review.reason_needed"))
        return
    store, by, now = _asked_again(page), page.viewer.user_id, access.now()
    try:
        number = store.reconciliation_decisions.undo(seq, reason=reason, author=by, at=now)
    except DifferenceRefusedError:
        st.error(words("reconciliation.refused"))
        return
    store.audit.record(by, "difference_undone", "reconciliation_decision", str(number), {"undoes": seq}, now)
    st.session_state[_DONE] = "review.taken_back"
    st.rerun()


show()
