"""Where a customer stands in the journey, in one line: the stage, since when, and the way there."""

import streamlit as st

from dashboards.frame import Page

_STEPS = 6  # stays told of the way


def show_standing(page: Page, customer_id: str) -> None:
    """Nothing is shown of a customer who has not begun, or whose stays the viewer may not see."""
    words = page.words
    stays = page.times(page.read("customer_journey", customer_id=customer_id, limit=_STEPS), "entered_at")
    if stays.is_empty():
        return
    names = stays["name_zh" if words.language == "zh" else "name_en"].to_list()
    st.text(
        words(
            "customers.stage",
            stage=names[0],
            day=stays["entered_at"][0][:10],
            way=" → ".join(reversed(names)),
        )
    )
