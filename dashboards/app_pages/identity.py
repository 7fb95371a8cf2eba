"""Who is who: what makes records one customer, link by link, and what keeps others apart. For the whole company."""

import polars as pl
import streamlit as st

from dashboards import charts, finding, frame, identity_words, tables
from dashboards.frame import Page
from models.identity.explaining import Graph, Stated, Step, graph
from models.serving.explaining import Explanation, Found, explain
from models.serving.finding import active

_MOST_DRAWN = 25  # nodes that can still be read
_MOST_CHARTS = 3
_LONGEST = 18  # characters of a value in a box: an openid would make it as wide as the page
_TABS = ("identity.tab_why", "identity.tab_values", "identity.tab_refused", "identity.tab_history")


def show() -> None:
    page = frame.open_page("identity.title")
    words = page.words
    if not page.viewer.sees_all_stores:
        st.info(words("identity.hidden"))
        return
    chosen = st.query_params.get(finding.CUSTOMER)
    if chosen:
        _customer(page, chosen[:400])
    else:
        st.caption(words("identity.body"))
        finding.search(page, "identity")


def _customer(page: Page, customer_id: str) -> None:
    words = page.words
    finding.back(page, "identity")
    found = page.read("customer_profile", customer_id=customer_id)
    values = page.read("identity_values", customer_id=customer_id)
    if found.is_empty() or values.is_empty():
        _gone(page, customer_id)
        return
    links = page.read("identity_links", customer_id=customer_id)
    refusals = page.read("identity_refusals", customer_id=customer_id)
    _head(page, found.row(0, named=True), values, links, refusals)
    tabs = st.tabs([words(name) for name in _TABS])
    with tabs[0]:
        _why(page, customer_id, values, links)
    with tabs[1]:
        _values(page, values)
    with tabs[2]:
        _refused(page, customer_id, refusals)
    with tabs[3]:
        _history(page, customer_id)


def _gone(page: Page, customer_id: str) -> None:
    """An id that was merged into another leads there."""
    words = page.words
    now = active(page.read, customer_id)
    if now is None or now == customer_id:
        st.info(words("customers.not_visible"))
        return
    st.info(words("identity.merged", customer_id=customer_id))
    st.page_link(
        "app_pages/identity.py",
        label=words("identity.open_other", customer_id=now),
        icon=":material/hub:",
        query_params={finding.CUSTOMER: now},
    )


def _head(
    page: Page, profile: dict[str, object], values: pl.DataFrame, links: pl.DataFrame, refusals: pl.DataFrame
) -> None:
    words = page.words
    customer_id = str(profile["customer_id"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(words("identity.dot").join(str(part) for part in (profile["name"], profile["phone"]) if part))
        st.page_link(
            "app_pages/customers.py",
            label=words("identity.profile", customer_id=customer_id),
            icon=":material/person:",
            query_params={finding.CUSTOMER: customer_id},
        )
    personas = values.unique("persona_id")
    usable = values.filter(pl.col("is_identifier") & pl.col("refusal").is_null())
    frame.numbers(
        [
            (words("identity.records"), f"{personas['records_count'].sum():,}"),
            (words("identity.sources"), f"{personas['source'].n_unique():,}"),
            (words("identity.identifiers"), f"{usable.unique(['identifier_type', 'value_no']).height:,}"),
            (words("identity.links"), f"{links.height:,}"),
            (words("identity.refused"), f"{refusals['links_count'].sum():,}"),
        ],
        width=110,
    )


def _why(page: Page, customer_id: str, values: pl.DataFrame, links: pl.DataFrame) -> None:
    words = page.words
    drawn = graph(values, links)
    if len(drawn.nodes) == 1:
        st.caption(words("identity.one_persona"))
    elif len(drawn.nodes) <= _MOST_DRAWN:
        st.caption(words("identity.graph_note"))
        st.graphviz_chart(_dot(page, drawn), width="stretch", alt=words("identity.tab_why"))
    _between(page, customer_id, values)
    if links.is_empty():
        return
    st.caption(words("identity.all_links"))
    stated = Stated(values)
    steps = [stated.step(link) for link in links.iter_rows(named=True)]
    _steps(page, steps, "identity_links")
    for step in [step for step in steps if step.evidence][:_MOST_CHARTS]:
        weights(page, step)


def _dot(page: Page, drawn: Graph) -> str:
    """The graph for Graphviz. Values are quoted texts, never markup."""
    words = page.words
    lines = [
        'graph { graph [rankdir=LR, bgcolor="transparent", nodesep=0.3, ranksep=0.45];',
        'node [shape=box, style="rounded,filled", fillcolor="#f4f6f5", color="#1f6f5c", fontname="sans-serif",'
        ' fontsize=11, fontcolor="#1f2a27"];',
        'edge [color="#8fa39b", fontname="sans-serif", fontsize=10, fontcolor="#1f6f5c"];',
    ]
    for name, node in drawn.nodes.items():
        side = node.side
        parts = (
            words("identity.node", source=words.code("dataset", side.source), n=node.records_count),
            side.name,
            identity_words.value(words, side.identifier_type, _short(side.identifier)),
        )
        lines.append(f"{name} [label={_quoted(*(part for part in parts if part))}];")
    for left, right, rule, types in drawn.edges:
        label = _quoted(identity_words.rule(words, rule, types))
        lines.append(f"{left} -- {right} [label={label}];")
    return "\n".join([*lines, "}"])


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"


def _quoted(*lines: str) -> str:
    """Lines of a label: backslashes and quotes would end it or mean something to Graphviz."""
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def _between(page: Page, customer_id: str, values: pl.DataFrame) -> None:
    """The way from one value to another: whatever two of them the viewer picks."""
    words = page.words
    known = values.filter("is_identifier").unique("value_no", keep="first", maintain_order=True)
    known = known.sort("identifier_type", "value_no")
    if known.height < 2:
        return
    options = [
        identity_words.value(words, kind, text) for kind, text in known.select("identifier_type", "identifier").rows()
    ]
    with st.container(horizontal=True):
        ends = [
            st.selectbox(
                words(label),
                range(known.height),
                index=None,
                format_func=options.__getitem__,
                placeholder=words("identity.choose"),
                key=label.replace(".", "_"),
            )
            for label in ("identity.from", "identity.to")
        ]
    chosen = [end for end in ends if end is not None]
    if len(chosen) < len(ends):
        return
    stating = (values.filter(pl.col("value_no") == known["value_no"][end])["persona_id"] for end in chosen)
    sides = [Found(customer_id, frozenset(personas)) for personas in stating]
    answer = explain(page.read, sides[0], sides[1])
    if answer.verdict == "unlinked":
        st.text(words("identity.unlinked"))
    elif not answer.steps:
        st.text(words("identity.same_record"))
    else:
        _steps(page, list(answer.steps), "identity_way")
    for step in answer.steps:
        weights(page, step)


def _steps(page: Page, steps: list[Step], key: str) -> None:
    words = page.words
    shown = pl.DataFrame(
        {
            "left": [identity_words.side(words, step.left) for step in steps],
            "reason": [
                words("word.separator").join(
                    identity_words.rule(words, *one) for one in ((step.rule, step.types), *step.also)
                )
                for step in steps
            ],
            "shared": [
                words("word.separator").join(identity_words.value(words, *one) for one in step.shared) for step in steps
            ],
            "right": [identity_words.side(words, step.right) for step in steps],
            "seen_at": [step.seen_at for step in steps],
        },
        schema_overrides={"seen_at": pl.Datetime("us")},
    )
    tables.show(
        page.times(shown, "seen_at"),
        {
            "reason": words("column.reason"),
            "shared": words("identity.shared"),
            "left": words("identity.side_from"),
            "right": words("identity.side_to"),
            "seen_at": words("identity.since"),
        },
        key=key,
    )


def weights(page: Page, step: Step) -> None:
    """What speaks for a likely link and what against it."""
    words = page.words
    if not step.evidence:
        return
    st.caption(words("identity.likely_note", weight=f"{step.weight or 0:+.1f}"))
    rows = [(identity_words.evidence(words, one), one.weight) for one in step.evidence]
    charts.waterfall(
        pl.DataFrame(rows, schema={"label": pl.String, "weight": pl.Float64}, orient="row"),
        (words("identity.compared_with"), words("identity.weight")),
        alt=words("identity.compared_with"),
    )


def _values(page: Page, values: pl.DataFrame) -> None:
    """Each value once, with every source that states it."""
    words = page.words
    sources = (
        tables.in_words(values.select("identifier_type", "value_no", "source").unique(), words, source="dataset")
        .sort("source")
        .group_by("identifier_type", "value_no")
        .agg(sources=pl.col("source").str.join(words("word.separator")))
    )
    once = (
        values.group_by("identifier_type", "value_no", maintain_order=True)
        .agg(
            pl.col("identifier", "refusal", "is_identifier").first(),
            pl.col("records_count").sum(),
            pl.col("first_seen_at").min(),
            pl.col("last_seen_at").max(),
        )
        .join(sources, on=["identifier_type", "value_no"])
        .sort(["is_identifier", "identifier_type", "value_no"], descending=[True, False, False])
    )
    shown = page.times(once, "first_seen_at", "last_seen_at").with_columns(
        pl.Series("refusal", [identity_words.value_refusal(words, code) for code in once["refusal"]], dtype=pl.String)
    )
    tables.show(
        tables.in_words(shown, words, identifier_type="identifier"),
        {
            "identifier_type": words("column.identifier_type"),
            "identifier": words("column.identifier"),
            "sources": words("column.source"),
            "records_count": words("identity.records"),
            "refusal": words("identity.not_used"),
            "first_seen_at": words("column.first_seen"),
            "last_seen_at": words("column.last_seen"),
        },
        small=("records_count",),
        key="identity_values",
    )


def _refused(page: Page, customer_id: str, refusals: pl.DataFrame) -> None:
    words = page.words
    if refusals.is_empty():
        st.caption(words("identity.nothing_refused"))
        return
    st.caption(words("identity.refused_note"))
    shown = page.times(refusals, "seen_at").with_columns(
        other=pl.coalesce("other_name", "other_customer_id", pl.lit(words("identity.nobody"))),
        reason=pl.Series([identity_words.refusal(words, code) for code in refusals["refusal"]], dtype=pl.String),
        would=pl.Series(
            [
                identity_words.rule(words, rule, tuple((types or "").split()))
                for rule, types in refusals.select("rule", "types").iter_rows()
            ],
            dtype=pl.String,
        ),
    )
    row = tables.pick(
        shown,
        {
            "other": words("identity.other"),
            "would": words("identity.would_link"),
            "reason": words("identity.why_not"),
            "links_count": words("identity.links"),
            "seen_at": words("identity.since"),
            "other_customer_id": words("column.customer_id"),
        },
        small=("links_count",),
        key="identity_refused",
    )
    if row is not None and (other := refusals["other_customer_id"][row]) is not None:
        _apart(page, explain(page.read, Found(customer_id, frozenset()), Found(other, frozenset())), other)


def _apart(page: Page, answer: Explanation, other: str) -> None:
    """What stands between two customers, with the values that contradict."""
    words = page.words
    if answer.verdict == "one":
        st.text(words("identity.joined_anyway"))
        return
    for one in answer.obstacles:
        st.text(identity_words.obstacle(words, one))
    if not answer.reviews.is_empty():
        st.text(words("identity.in_review"))
    st.page_link(
        "app_pages/identity.py",
        label=words("identity.open_other", customer_id=other),
        icon=":material/hub:",
        query_params={finding.CUSTOMER: other},
    )


def _history(page: Page, customer_id: str) -> None:
    """Which ids became this one, and which fell away from it."""
    words = page.words
    found = page.read("identity_events", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("identity.no_history"))
        return
    st.caption(words("identity.history_note"))
    tables.show(
        tables.in_words(found, words, kind="identity_event", cause="identity_cause"),
        {
            "decided_on": words("column.day"),
            "kind": words("identity.event"),
            "customer_id": words("identity.active_id"),
            "previous_id": words("identity.previous_id"),
            "cause": words("column.reason"),
        },
        key="identity_history",
    )


show()
