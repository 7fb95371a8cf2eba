"""The dashboard's entry: who looks, navigation, language. Each page reads for itself."""

from pathlib import Path

import streamlit as st

from dashboards import access, data, frame
from dashboards.text import Words
from models.serving import NotAllowedError, Viewer

_ICON = Path(__file__).resolve().with_name("icon.svg")  # a named icon would be fetched from the network
_PAGES = Path(__file__).resolve().parent / "app_pages"
_START = "overview"
#: Page (its file, which is its name in ``models.serving.roles``), key of its title, icon; in the menu's order.
MENU = (
    (_START, "overview.title", ":material/dashboard:"),
    ("customers", "customers.title", ":material/person_search:"),
    ("journey", "journey.title", ":material/route:"),
    ("identity", "identity.title", ":material/hub:"),
    ("identity_review", "review.title", ":material/rule:"),
    ("value", "value.title", ":material/savings:"),
    ("reach", "reach.title", ":material/connect_without_contact:"),
    ("settlement", "settlement.title", ":material/account_balance:"),
    ("statements", "statements.title", ":material/receipt_long:"),
    ("reconciliation", "reconciliation.title", ":material/balance:"),
    ("rules", "rules.title", ":material/gavel:"),
    ("at_risk", "risk.title", ":material/heart_broken:"),
    ("glossary", "glossary.title", ":material/menu_book:"),
    ("quality", "quality.title", ":material/fact_check:"),
    ("imports", "imports.title", ":material/upload_file:"),
    ("people", "people.title", ":material/group:"),
    ("account", "account.title", ":material/account_circle:"),
)


def main() -> None:
    try:
        viewer = access.current_viewer()
    except access.AccessDenied:
        frame.signed_out(Words(frame.language()), str(_ICON))
        return
    access.remember(viewer)
    words = Words(frame.language(viewer.language))
    st.set_page_config(page_title=words("frame.product"), page_icon=str(_ICON), layout="wide")
    # a page that is not allowed stays known, so that a link to it is answered with words
    page = st.navigation(
        [
            st.Page(
                _PAGES / f"{name}.py",
                title=words(title),
                icon=icon,
                default=name == _START,
                visibility="visible" if viewer.may_open(name) else "hidden",
            )
            for name, title, icon in MENU
        ],
        expanded=True,  # else the rest hides behind words that Streamlit has in English only
    )
    if words.language != data.settings().dashboard.language:
        frame.remember_language(words)
    with st.sidebar:
        frame.language_switch(words)
        frame.who(words, viewer)
    _run(page, page.url_path or _START, words, viewer)


def _run(page: st.Page, name: str, words: Words, viewer: Viewer) -> None:
    if not viewer.may_open(name):
        access.denied(viewer, f"page:{name}")
        frame.not_allowed(words)
        return
    try:
        page.run()
    except NotAllowedError as error:
        access.denied(viewer, error.asked)
        frame.not_allowed(words)


main()
