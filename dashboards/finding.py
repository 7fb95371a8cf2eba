"""Find a customer and choose one: the same on every page that begins with it."""

import streamlit as st

from dashboards import tables
from dashboards.frame import Page

CUSTOMER = "customer"  # in the address, so that a customer's page can be linked to


def search(page: Page, key: str) -> None:
    """A box and the customers that match; the chosen one goes into the address, and the page runs again."""
    words = page.words
    text = st.text_input(
        words("customers.search"), placeholder=words("customers.search_hint"), max_chars=100, key=f"{key}_text"
    )
    found = page.read("customer_search", text=text or None)
    if found.is_empty():
        st.info(words("customers.nobody"))
        return
    total = int(found["matches_count"][0])
    st.caption(words("customers.found", total=f"{total:,}", shown=found.height))
    row = tables.pick(
        page.times(found, "last_order_at"),
        {
            "name": words("column.name"),
            "phone": words("column.phone"),
            "orders_count": words("column.orders"),
            "last_order_at": words("column.last_order"),
            "owner_name": words("column.owner"),
            "city": words("column.city"),
            "member_no": words("column.member_no"),
            "customer_id": words("column.customer_id"),
        },
        small=("orders_count",),
        key=f"{key}_matches",
        height=560,
    )
    if row is not None:
        st.query_params[CUSTOMER] = str(found["customer_id"][row])
        st.rerun()


def back(page: Page, key: str) -> None:
    """Back to the search."""
    if st.button(page.words("customers.back"), icon=":material/arrow_back:", key=f"{key}_back"):
        del st.query_params[CUSTOMER]
        st.rerun()
