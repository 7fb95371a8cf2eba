"""Find a customer, and everything the viewer may know about one."""

import polars as pl
import streamlit as st

from dashboards import customer_record, finding, frame, reaching, tables, timeline
from dashboards.frame import Page
from dashboards.standing import show_standing
from ml import features
from models.money import PPM, display


def show() -> None:
    page = frame.open_page("customers.title")
    chosen = st.query_params.get(finding.CUSTOMER)
    if chosen:
        _profile(page, chosen)
    else:
        finding.search(page, "customer")


def _profile(page: Page, customer_id: str) -> None:
    words = page.words
    finding.back(page, "customer")
    found = page.read("customer_profile", customer_id=customer_id[:400])
    if found.is_empty():
        st.info(words("customers.not_visible"))
        return
    profile = page.times(found, "first_seen_at", "last_interaction_at", "first_order_at", "last_order_at").row(
        0, named=True
    )
    fields = customer_record.fields(page, customer_id)
    _card(page, profile, customer_record.own_lines(fields))
    customer_record.where_from(page, profile, fields)
    _figures(page, customer_id, profile)
    show_standing(page, customer_id)
    _risk(page, customer_id)
    _value(page, customer_id)
    happenings, orders, points, reach, consents, identifiers = st.tabs(
        [
            words("customers.timeline"),
            words("customers.orders"),
            words("customers.points"),
            words("customers.reach"),
            words("customers.consents"),
            words("customers.ids"),
        ]
    )
    with happenings:
        timeline.show(page, customer_id)
    with orders:
        _orders(page, customer_id)
    with points:
        customer_record.contact_points(page, customer_id)
    with reach:
        reaching.show(page, customer_id)
    with consents:
        _consents(page, customer_id)
    with identifiers:
        _identifiers(page, customer_id)


def _card(page: Page, profile: dict[str, object], own: dict[str, str]) -> None:
    """Words beside values; values are the data's, so they are plain text. ``own``: the company's fields by label."""
    words = page.words
    lines = {
        "column.name": profile["name"],
        "column.phone": profile["phone"],
        "column.member_no": profile["member_no"],
        "column.email": profile["email"],
        "column.gender": words.code("gender", _text(profile["gender"])),
        "column.birth_date": profile["birth_date"],
        "column.city": profile["city"],
        "column.address": profile["address"],
        "column.home_store": profile["home_store_name"] or profile["home_store_id"],
        "column.region": profile["region"],
        "column.owner": profile["owner_name"] or profile["owner_userid"],
        "column.owner_store": profile["owner_store_name"] or profile["owner_store_id"],
        "column.wecom": words("word.yes") if profile["is_wecom_contact"] else words("word.no"),
        "column.consent": words("word.yes") if profile["has_marketing_consent"] else words("word.no"),
        "column.customer_id": profile["customer_id"],
    }
    with st.container(border=True), st.grid(4, min_column_width=150):
        for label, value in [*((words(key), value) for key, value in lines.items()), *own.items()]:
            if value is None or value == "":
                continue
            with st.container(gap=None):
                st.caption(label)
                st.text(str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _figures(page: Page, customer_id: str, profile: dict[str, object]) -> None:
    words = page.words
    figures: list[tuple[str, str] | tuple[str, str, str | None]] = [
        (words("column.orders"), f"{profile['orders_count']:,}", page.about("orders"))
    ]
    for row in page.read("customer_totals", customer_id=customer_id).iter_rows(named=True):
        currency = row["currency"]
        paid, refunded = display(row["paid_amount"], currency), display(row["refunded_amount"], currency)
        figures.append((words("customers.paid_in", currency=currency), paid, page.about("sales_amount")))
        figures.append((words("customers.refunded_in", currency=currency), refunded, page.about("refunded_amount")))
    for label, key in (("column.first_order", "first_order_at"), ("column.last_order", "last_order_at")):
        if profile[key] is not None:
            figures.append((words(label), str(profile[key])[:10]))
    frame.numbers(figures, width=150)


def _risk(page: Page, customer_id: str) -> None:
    words = page.words
    score = page.read("risk_of_customer", customer_id=customer_id)
    if score.is_empty():
        st.caption(words("customers.no_score"))
        return
    row = score.row(0, named=True)
    st.text(
        words(
            "customers.risk",
            band=words.code("band", row["band"]),
            score=f"{tables.probability(row['score_ppm'])}%",
            reasons=tables.reasons(row, words, features.BY_NAME),
        )
    )


def _value(page: Page, customer_id: str) -> None:
    """One line per currency. A contribution without any cost known would read as a profit."""
    words = page.words
    for row in page.read("customer_value", customer_id=customer_id).iter_rows(named=True):
        currency, covered = row["currency"], row["covered_amount"]
        left = words("customers.value_no_cost")
        if covered > 0:
            left = words(
                "customers.value_left",
                amount=display(row["contribution"], currency),
                share=tables.percent(covered * PPM // row["paid_amount"]),
            )
        st.text(
            words(
                "customers.value",
                currency=currency,
                net=display(row["net_amount"], currency),
                segment=row[f"name_{words.language}"] or words("customers.value_no_segment"),
                contribution=left,
            )
        )


def _orders(page: Page, customer_id: str) -> None:
    words = page.words
    found = page.read("customer_orders", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("customers.nothing"))
        return
    st.caption(words("customers.pick_order"))
    shown = tables.in_words(tables.money(found, "paid_amount", "refunded_amount"), words, status="status")
    row = tables.pick(
        shown.with_columns(pl.coalesce("store_name", "store_id").alias("store_name")),
        {
            "ordered_on": words("column.day"),
            "paid_amount": words("column.paid"),
            "currency": words("column.currency"),
            "refunded_amount": words("column.refunded"),
            "lines_count": words("column.lines"),
            "store_name": words("column.store"),
            "status": words("column.status"),
            "order_id": words("column.order_id"),
        },
        small=("currency", "lines_count"),
        key="customer_orders",
    )
    if row is not None:
        lines = page.read("order_lines", order_key=found["order_key"][row])
        tables.show(
            tables.money(lines, "paid_amount").with_columns(pl.col("quantity").cast(pl.Float64)),
            {
                "product_name": words("column.product"),
                "quantity": words("column.quantity"),
                "paid_amount": words("column.paid"),
                "currency": words("column.currency"),
                "product_id": words("column.product_id"),
            },
            key="customer_order_lines",
        )


def _consents(page: Page, customer_id: str) -> None:
    words = page.words
    found = page.read("customer_consents", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("customers.no_consents"))
        return
    shown = tables.in_words(
        page.times(found, "decided_at"), words, purpose="purpose", channel="channel", state="consent_state"
    )
    tables.show(
        shown,
        {
            "purpose": words("column.purpose"),
            "channel": words("column.channel"),
            "state": words("column.state"),
            "decided_at": words("column.time"),
        },
        key="customer_consents",
    )


def _identifiers(page: Page, customer_id: str) -> None:
    words = page.words
    if not page.viewer.sees_all_stores:
        st.caption(words("customers.ids_hidden"))
        return
    if page.viewer.may_open("identity"):
        st.page_link(
            "app_pages/identity.py",
            label=words("identity.open"),
            icon=":material/hub:",
            query_params={finding.CUSTOMER: customer_id},
        )
    found = page.read("customer_identifiers", customer_id=customer_id)
    if found.is_empty():
        st.caption(words("customers.nothing"))
        return
    shown = tables.in_words(
        page.times(found, "first_seen_at", "last_seen_at"), words, identifier_type="identifier", source="dataset"
    )
    tables.show(
        shown,
        {
            "identifier_type": words("column.identifier_type"),
            "identifier": words("column.identifier"),
            "source": words("column.source"),
            "first_seen_at": words("column.first_seen"),
            "last_seen_at": words("column.last_seen"),
        },
        key="customer_identifiers",
    )


show()
