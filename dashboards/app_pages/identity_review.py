"""Review: pairs that a person should decide, both sides beside each other, and the decisions made so far."""

import polars as pl
import streamlit as st

from dashboards import access, charts, data, finding, frame, identity_words, tables
from dashboards.frame import Page
from models.identifiers import masked
from models.identity.decisions import in_force
from models.identity.explaining import evidence_of, shown_as
from models.serving.finding import ORDERS
from models.serving.queries.identity_reviews import REVIEW_KINDS
from models.serving.reviewing import anchors, open_reviews
from models.serving.roles import NotAllowedError
from models.store.identity_decisions import NOT_SAME, SAME, DecisionRefusedError

_DONE = "review_done"  # what was decided a moment ago, said once
_RECENT = 20
_SHORT = 6  # rows; a longer list scrolls, so that the question stays in sight
_FIELDS = ("name", "receiver_name", "phone", "receiver_phone", "birth_date", "gender", "city", "receiver_place")


def show() -> None:
    page = frame.open_page("review.title")
    words = page.words
    if not page.viewer.may_open("identity_review"):  # the menu's gate has asked before; this page writes: it asks again
        raise NotAllowedError("page:identity_review")
    if not page.viewer.sees_all_stores:
        st.info(words("identity.hidden"))
        return
    done = st.session_state.pop(_DONE, None)
    if done is not None:
        st.success(words(done))
    ledger = data.store().identity_decisions.rows_after(0)
    kind = st.segmented_control(
        words("review.kind"),
        REVIEW_KINDS,
        format_func=lambda one: words.code("review_kind", one),
        key="review_kind",
        label_visibility="collapsed",
    )
    _open(page, open_reviews(page.read, in_force(ledger), kind))
    _decided(page, ledger)


def _open(page: Page, reviews: pl.DataFrame) -> None:
    words = page.words
    if reviews.is_empty():
        st.info(words("review.none"))
        return
    st.caption(words("review.body", n=f"{int(reviews['open_count'][0]):,}"))
    shown = tables.money(page.times(tables.in_words(reviews, words, kind="review_kind"), "seen_at"), "amount")
    shown = shown.with_columns(
        likely=pl.Series([ppm / 10_000 for ppm in reviews["probability_ppm"]], dtype=pl.Float64),
        one=pl.coalesce("name", "customer_id"),
        other=pl.coalesce("other_name", "other_customer_id", pl.col("record_id").str.strip_prefix(ORDERS)),
    )
    row = tables.pick(
        shown,
        {
            "kind": words("review.kind"),
            "one": words("review.one"),
            "other": words("review.other"),
            "likely": words("review.likely"),
            "amount": words("column.amount"),
            "currency": words("column.currency"),
            "seen_at": words("column.last_seen"),
        },
        formats={"likely": "%.0f%%"},
        small=("currency", "likely"),
        key="review_list",
        height=260 if reviews.height > _SHORT else "auto",
    )
    review = reviews.row(row or 0, named=True)
    same_order = pl.col("persona_id").eq(pl.lit(review["persona_id"], pl.Int64))
    rivals = shown.filter(same_order & pl.col("customer_id").ne(review["customer_id"]))
    _question(page, review, rivals["one"].to_list())


def _question(page: Page, review: dict[str, object], rivals: list[str]) -> None:
    """One pair: both sides, the evidence, and the answer. The first of the list until another row is chosen.

    ``rivals``: who else an order could be of.
    """
    words = page.words
    one, other = str(review["customer_id"]), review["other_customer_id"]
    with st.container(border=True):
        asked = "review.question_torn" if review["other_customer_id"] is None else "review.question_likely"
        st.subheader(words(asked), anchor=False)
        _sides(page, review)
        comparisons = evidence_of(_text(review["evidence"]))
        if comparisons:
            charts.waterfall(
                pl.DataFrame(
                    [(identity_words.evidence(words, one), one.weight) for one in comparisons],
                    schema={"label": pl.String, "weight": pl.Float64},
                    orient="row",
                ),
                (words("identity.compared_with"), words("identity.weight")),
                alt=words("identity.compared_with"),
            )
        if isinstance(review["persona_id"], int):
            _orders(page, review["persona_id"])
        if rivals:
            st.text(words("review.rivals", names=words("word.separator").join(rivals)))
        with st.container(horizontal=True):
            for customer_id in (one, other):
                if customer_id is not None:
                    st.page_link(
                        "app_pages/identity.py",
                        label=words("identity.open_other", customer_id=customer_id),
                        icon=":material/hub:",
                        query_params={finding.CUSTOMER: str(customer_id)},
                    )
        _answer(page, review)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _sides(page: Page, review: dict[str, object]) -> None:
    """What both state of the same, a row each, beside each other."""
    words = page.words
    one, other = str(review["customer_id"]), _text(review["other_customer_id"])
    sides = [_stated(page.read("identity_values", customer_id=one))]
    if other is None:
        sides.append(_stated(page.read("identity_record", persona_id=review["persona_id"])))
    else:
        sides.append(_stated(page.read("identity_values", customer_id=other)))
    kinds = [kind for kind in shown_as([*_FIELDS, *sorted({*sides[0], *sides[1]})]) if any(kind in s for s in sides)]
    rows = [
        (identity_words.kind(words, kind), *(_values(page, kind, side.get(kind, [])) for side in sides))
        for kind in kinds
    ]
    tables.show(
        pl.DataFrame(rows, schema=dict.fromkeys(("field", "one", "other"), pl.String), orient="row"),
        {
            "field": words("review.field"),
            "one": words("review.side", name=one),
            "other": words("review.side", name=other) if other is not None else words("review.record"),
        },
        key="review_sides",
    )


def _stated(values: pl.DataFrame) -> dict[str, list[str]]:
    """Each value once, by type; a name as it was written stands for how it sounds."""
    once = values.group_by("identifier_type", maintain_order=True).agg(pl.col("identifier").unique(maintain_order=True))
    return {kind: found for kind, found in once.iter_rows() if [kind] == shown_as([kind])}


def _values(page: Page, kind: str, values: list[str]) -> str:
    shown = [page.words.code("gender", value) if kind == "gender" else value for value in values]
    return page.words("word.separator").join(shown)


def _orders(page: Page, persona_id: int) -> None:
    words = page.words
    found = page.read("identity_record_orders", persona_id=persona_id)
    if found.is_empty():
        return
    st.caption(words("review.orders"))
    tables.show(
        tables.money(found, "paid_amount").with_columns(pl.coalesce("store_name", "store_id").alias("store_name")),
        {
            "ordered_on": words("column.day"),
            "paid_amount": words("column.paid"),
            "currency": words("column.currency"),
            "store_name": words("column.store"),
            "order_id": words("column.order_id"),
        },
        small=("currency",),
        key="review_orders",
    )


def _answer(page: Page, review: dict[str, object]) -> None:
    words = page.words
    number = f"{review['customer_id']}_{review['other_customer_id'] or review['persona_id']}"
    with st.form(f"review_{number}", border=False, enter_to_submit=False):
        reason = st.text_input(words("review.reason"), max_chars=400, key=f"review_reason_{number}")
        with st.container(horizontal=True):
            same = st.form_submit_button(words("review.same"), icon=":material/join:", key=f"review_same_{number}")
            apart = st.form_submit_button(
                words("review.not_same"), icon=":material/call_split:", key=f"review_apart_{number}"
            )
    if not (same or apart):
        return
    if not reason.strip():
        st.error(words("review.reason_needed"))
        return
    sides = anchors(
        page.read, str(review["customer_id"]), _text(review["other_customer_id"]), _text(review["record_id"])
    )
    if len(sides) != 2:
        st.error(words("review.no_anchor"))
        return
    verdict = SAME if same else NOT_SAME
    store, by, now = data.store(), page.viewer.user_id, access.now()
    try:
        seq = store.identity_decisions.decide(verdict, *sides, reason=reason, author=by, at=now)
    except DecisionRefusedError:
        st.error(words("review.refused"))
        return
    concerns = {name: review[name] for name in ("customer_id", "other_customer_id", "record_id") if review[name]}
    store.audit.record(by, "identity_decided", "identity_decision", str(seq), {"verdict": verdict, **concerns}, now)
    st.session_state[_DONE] = "review.recorded"
    st.rerun()


def _decided(page: Page, ledger: pl.DataFrame) -> None:
    """The newest decisions, with author and reason; whatever is in force can be taken back, an undo too."""
    words = page.words
    if ledger.is_empty():
        return
    st.subheader(words("review.recent"), anchor=False)
    st.caption(words("review.recent_note"))
    standing = set(in_force(ledger, with_undos=True)["seq"])
    recent = ledger.sort("seq", descending=True).head(_RECENT)
    names = {user.user_id: user.name for user in data.store().users.all()}
    shown = page.times(tables.in_words(recent, words, verdict="verdict"), "decided_at").with_columns(
        author=pl.col("author").replace(names),
        sides=pl.Series([_named(page, row) for row in recent.iter_rows(named=True)], dtype=pl.String),
        state=pl.Series(
            [words("review.in_force") if seq in standing else words("review.undone") for seq in recent["seq"]],
            dtype=pl.String,
        ),
    )
    row = tables.pick(
        shown,
        {
            "decision_id": words("column.seq"),
            "verdict": words("review.verdict"),
            "sides": words("review.about"),
            "reason": words("column.reason"),
            "author": words("column.person"),
            "decided_at": words("column.time"),
            "state": words("column.state"),
        },
        small=("decision_id",),
        key="review_recent",
    )
    if row is not None and recent["seq"][row] in standing:
        _undo(page, int(recent["seq"][row]))


def _named(page: Page, decision: dict[str, object]) -> str:
    words = page.words
    if decision["undoes"] is not None:
        return words("review.undoes", n=decision["undoes"])
    sides = []
    for side in ("left", "right"):
        text = _text(decision[f"{side}_identifier"])
        shown = text if page.viewer.sees_personal else masked(text)
        sides.append(identity_words.value(words, _text(decision[f"{side}_type"]), shown))
    return words("identity.dot").join(sides)


def _undo(page: Page, seq: int) -> None:
    words = page.words
    with st.form(f"review_undo_{seq}", border=False, enter_to_submit=False):
        reason = st.text_input(words("review.undo_reason", n=seq), max_chars=400, key=f"review_undo_reason_{seq}")
        pressed = st.form_submit_button(words("review.undo"), icon=":material/undo:", key=f"review_undo_{seq}_go")
    if not pressed:
        return
    if not reason.strip():
        st.error(words("review.reason_needed"))
        return
    store, by, now = data.store(), page.viewer.user_id, access.now()
    try:
        number = store.identity_decisions.undo(seq, reason=reason, author=by, at=now)
    except DecisionRefusedError:
        st.error(words("review.refused"))
        return
    store.audit.record(by, "identity_undone", "identity_decision", str(number), {"undoes": seq}, now)
    st.session_state[_DONE] = "review.taken_back"
    st.rerun()


show()
