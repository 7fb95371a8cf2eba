"""Rules and what-if: the versions of the settlement rulebook, a draft on past months, and publishing by two people."""

from dataclasses import dataclass
from datetime import UTC, date
from difflib import unified_diff

import polars as pl
import streamlit as st

from dashboards import access, data, frame, rule_trial, tables, waiting
from dashboards.frame import Page
from models.documents.settlement import SettlementDocument
from models.serving.roles import PUBLISHERS, NotAllowedError
from models.settlement.versions import Version, spans
from models.store import JobRefusedError, Proposal, PublicationRefusedError, PublishedRulebook

_DONE = "rules_done"  # what was withdrawn a moment ago, said once
_JOB = "job"  # in the address: what was asked for in publishing
_PROPOSE, _APPROVE = "propose_rulebook", "approve_rulebook"


@dataclass(frozen=True)
class Row:
    """A version as the page lists it; ``proposal``: it waits for a second person."""

    state: str
    event: str
    document: SettlementDocument
    one: Proposal | PublishedRulebook

    @property
    def proposal(self) -> Proposal | None:
        return self.one if isinstance(self.one, Proposal) else None


def show() -> None:
    page = frame.open_page("rules.title")
    words = page.words
    if not page.viewer.may_open("rules"):  # the menu's gate has asked before; this page writes: it asks again
        raise NotAllowedError("page:rules")
    if not page.viewer.sees_all_stores:
        st.info(words("rules.hidden"))
        return
    done = st.session_state.pop(_DONE, None)
    if done is not None:
        st.success(words(done))
    _asked_for(page)
    rows = _rows(page)
    in_force = _in_force(page, rows)
    versions, trial = st.tabs([words("rules.versions"), words("rules.what_if")])
    with versions:
        _versions(page, rows, in_force)
    with trial:
        document = rule_trial.show(page, in_force)
        if document is not None:
            _propose(page, document)


def _asked_for(page: Page) -> None:
    """What became of a proposal or an approval that was asked for a moment ago; its job stands in the address."""
    words = page.words
    try:
        job = data.store().jobs.get(st.query_params.get(_JOB, "")[:64], page.viewer)
    except JobRefusedError:
        return
    if job.kind not in (_PROPOSE, _APPROVE):
        return
    if job.is_open:
        waiting.show(words, job.job_id, "rules", "rules_publishing")
    elif job.status == "cancelled":
        st.info(words("rules.cancelled"))
    elif job.status == "failed" or job.result is None:
        rule_trial.failed(words, job)
    else:
        said = "rules.proposed" if job.kind == _PROPOSE else "rules.approved"
        st.success(words(said, version=job.result["version"], day=job.result["effective_from"]))


def _ask(page: Page, kind: str, arguments: dict[str, str], dedupe_key: str) -> None:
    by = page.viewer.user_id
    job = data.store().jobs.ask(kind, arguments, by, f"{by}:{dedupe_key}")
    st.query_params[_JOB] = job.job_id
    st.rerun()


def _rows(page: Page) -> list[Row]:
    """What waits, then what was published, the newest first."""
    ledger = data.store().rulebooks
    today = access.now().replace(tzinfo=UTC).astimezone(page.zone).date()
    published = [(one, one.document) for one in ledger.published()]
    held = {
        span.version.known_from: _state(today, span.holds_from, span.holds_to)
        for span in spans(Version(document, one.number, one.effective_from) for one, document in published)
    }
    return [
        *(Row("waiting", "proposed", one.document, one) for one in reversed(ledger.pending())),
        *(Row(held.get(one.number, "replaced"), one.event, document, one) for one, document in reversed(published)),
    ]


def _state(today: date, holds_from: date | None, holds_to: date | None) -> str:
    if holds_from is not None and today < holds_from:
        return "later"
    return "in_force" if holds_to is None or today < holds_to else "replaced"


def _in_force(page: Page, rows: list[Row]) -> str:
    """The text that today takes, or the folder's document, of which the page says what it is."""
    words = page.words
    for row in rows:
        if row.state == "in_force":
            st.text(words("rules.in_force", name=row.document.name, day=row.one.effective_from))
            return row.one.content
    path = data.settings().rulebooks / "settlement.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        st.warning(words("rules.no_folder"))
        return ""
    is_first = not any(row.proposal is None for row in rows)
    st.caption(words("rules.folder_holds" if is_first else "rules.folder_shown"))
    return text


def _versions(page: Page, rows: list[Row], in_force: str) -> None:
    words = page.words
    if not rows:
        st.info(words("rules.nothing_published"))
        with st.expander(words("rules.folder_text")):
            st.code(in_force, language="yaml")
        return
    chosen = tables.pick(
        _listed(page, rows),
        {
            "state": words("column.state"),
            "name": words("rules.name"),
            "effective_from": words("rules.effective_from"),
            "version": words("rules.version"),
            "proposed_by": words("rules.proposed_by"),
            "approved_by": words("rules.approved_by"),
            "at": words("column.time"),
            "event": words("rules.event"),
            "reason": words("column.reason"),
        },
        key="rules_versions",
    )
    _version(page, rows[chosen or 0], in_force)


def _listed(page: Page, rows: list[Row]) -> pl.DataFrame:
    names = {user.user_id: user.name or user.login for user in data.store().users.all()}
    listed = []
    for row in rows:
        one = row.one
        by, at = (one.proposed_by, one.proposed_at) if isinstance(one, Proposal) else (one.written_by, one.approved_at)
        approved = "" if isinstance(one, Proposal) else one.approved_by
        person = (names.get(by, by), names.get(approved, approved))
        listed.append(
            (row.state, row.document.name, one.effective_from, one.version[:8], *person, at, row.event, one.reason)
        )
    schema: dict[str, pl.DataType] = {
        "state": pl.String(),
        "name": pl.String(),
        "effective_from": pl.Date(),
        "version": pl.String(),
        "proposed_by": pl.String(),
        "approved_by": pl.String(),
        "at": pl.Datetime("us"),
        "event": pl.String(),
        "reason": pl.String(),
    }
    shown = page.times(pl.DataFrame(listed, schema=schema, orient="row"), "at")
    return tables.in_words(shown, page.words, state="rulebook_state", event="rulebook_event")


def _version(page: Page, row: Row, in_force: str) -> None:
    """One version: its text, how it differs from the one in force, and what is to be decided about it."""
    words = page.words
    with st.container(border=True):
        st.text(f"{row.document.name}  ·  {row.one.version}")
        changes = list(unified_diff(in_force.splitlines(), row.one.content.splitlines(), lineterm="", n=2))[2:]
        if changes:
            st.caption(words("rules.changes"))
            st.code("\n".join(changes), language="diff")
        if row.proposal is not None:
            _decide(page, row.proposal)
        with st.expander(words("rules.text"), expanded=not changes):
            st.code(row.one.content, language="yaml")


def _decide(page: Page, proposal: Proposal) -> None:
    words, viewer = page.words, page.viewer
    is_own, publishes = proposal.proposed_by == viewer.user_id, bool(viewer.roles & PUBLISHERS)
    if is_own or not publishes:
        st.caption(words("rules.second_person"))
    if not (is_own or publishes):
        return
    with st.form(f"rules_decide_{proposal.number}", border=False, enter_to_submit=False):
        reason = st.text_input(words("rules.reason"), max_chars=400, key=f"rules_reason_{proposal.number}")
        with st.container(horizontal=True):
            approve = not is_own and st.form_submit_button(
                words("rules.approve"), type="primary", icon=":material/how_to_reg:", key="rules_approve"
            )
            withdraw = st.form_submit_button(words("rules.withdraw"), icon=":material/block:", key="rules_withdraw")
    if approve:
        _ask(page, _APPROVE, {"version": proposal.version, "reason": reason}, proposal.version)
    elif withdraw and not reason.strip():
        st.error(words("rules.reason_needed"))
    elif withdraw:
        _withdraw(page, proposal, reason)


def _withdraw(page: Page, proposal: Proposal, reason: str) -> None:
    store, by, now = data.store(), page.viewer.user_id, access.now()
    try:
        store.rulebooks.withdraw(proposal.version, actor=by, at=now, reason=reason)
    except PublicationRefusedError:  # somebody has decided it meanwhile
        st.error(page.words("rules.refused"))
        return
    store.audit.record(by, "rulebook_withdrawn", "rulebook", proposal.version, {}, now)
    st.session_state[_DONE] = "rules.withdrawn"
    st.rerun()


def _propose(page: Page, document: SettlementDocument) -> None:
    words = page.words
    with st.expander(words("rules.propose"), icon=":material/publish:"):
        st.caption(words("rules.propose_note"))
        with st.form("rules_propose", border=False, enter_to_submit=False):
            day: date | None = st.date_input(
                words("rules.effective_from"), value=None, format="YYYY-MM-DD", key="rules_day"
            )
            reason = st.text_input(words("rules.reason"), max_chars=400, key="rules_why")
            pressed = st.form_submit_button(words("rules.propose_it"), key="rules_propose_it")
        if not pressed:
            return
        if day is None or not reason.strip():
            st.error(words("rules.day_needed"))
            return
        arguments = {"draft": rule_trial.text(), "effective_from": day.isoformat(), "reason": reason}
        _ask(page, _PROPOSE, arguments, f"{document.version}:{day}")


show()
