"""The dashboard's entry: navigation, language, whose company. Each page reads for itself."""

from pathlib import Path

import streamlit as st

from dashboards import data, frame
from dashboards.text import Words

_ICON = Path(__file__).resolve().with_name("icon.svg")  # a named icon would be fetched from the network
_PAGES = Path(__file__).resolve().parent / "app_pages"


def main() -> None:
    words = Words(frame.language())
    st.set_page_config(page_title=words("frame.product"), page_icon=str(_ICON), layout="wide")
    page = st.navigation(
        [
            st.Page(_PAGES / "overview.py", title=words("overview.title"), icon=":material/dashboard:", default=True),
            st.Page(_PAGES / "customers.py", title=words("customers.title"), icon=":material/person_search:"),
            st.Page(_PAGES / "settlement.py", title=words("settlement.title"), icon=":material/account_balance:"),
            st.Page(_PAGES / "at_risk.py", title=words("risk.title"), icon=":material/heart_broken:"),
            st.Page(_PAGES / "quality.py", title=words("quality.title"), icon=":material/fact_check:"),
        ]
    )
    if words.language != data.settings().dashboard.language:
        frame.remember_language(words)
    with st.sidebar:
        frame.language_switch(words)
    page.run()


main()
