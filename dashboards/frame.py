"""What every page shares: language, viewer, snapshot, the date of the data, and what is said when there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboards import access, data
from dashboards.text import LANGUAGE_NAMES, LANGUAGES, Words
from models.contracts.published import ContractError
from models.documents.metrics import glossary
from models.serving import NoSnapshotError, SnapshotDamagedError, Viewer

_LANGUAGE = "language"  # in the session and in the address
_SWITCH = "language_switch"


@dataclass(frozen=True)
class Page:
    """One rerun of a page. ``read(query_id, **parameters)`` answers from one snapshot for one viewer."""

    words: Words
    read: data.Reader
    business_date: date
    zone: ZoneInfo

    @property
    def viewer(self) -> Viewer:
        return self.read.viewer

    def about(self, metric: str) -> str:
        """What the glossary says of a figure, in the page's language: for the help beside it. Raises KeyError."""
        figure, language = glossary()[metric], self.words.language
        return f"{figure.meaning.of(language)}  \n{figure.formula.of(language)}"

    def times(self, frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """Naive UTC columns as text in the company's civil time: ``2026-06-29 18:05``."""
        return frame.with_columns(
            pl.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone.key).dt.strftime("%Y-%m-%d %H:%M")
            for name in columns
        )


def language(preferred: str | None = None) -> str:
    """The address first (a link keeps its language), then the session, then the person's own, then the setting."""
    asked = st.query_params.get(_LANGUAGE)
    if asked in LANGUAGES:
        st.session_state[_LANGUAGE] = asked
    if _LANGUAGE not in st.session_state and preferred in LANGUAGES:
        st.session_state[_LANGUAGE] = preferred
    return str(st.session_state.get(_LANGUAGE, data.settings().dashboard.language))


def remember_language(words: Words) -> None:
    """Keep it in the address: navigation drops it, and a reload would fall back to the installation's."""
    st.query_params[_LANGUAGE] = words.language


def language_switch(words: Words) -> None:
    """The address decides; the switch only writes it, so that the two never disagree."""
    st.session_state[_SWITCH] = words.language
    st.segmented_control(
        words("frame.language"),
        LANGUAGES,
        format_func=LANGUAGE_NAMES.__getitem__,
        key=_SWITCH,
        label_visibility="collapsed",
        required=True,
        on_change=_switch_language,
    )


def _switch_language() -> None:
    st.session_state[_LANGUAGE] = st.query_params[_LANGUAGE] = st.session_state[_SWITCH]


def who(words: Words, viewer: Viewer) -> None:
    """Who is signed in, and the way out."""
    if viewer.name:
        st.text(viewer.name)
        if st.button(words("frame.sign_out"), icon=":material/logout:", key="frame_sign_out"):
            access.sign_out()


def signed_out(words: Words, icon: str) -> None:
    """The session is over: nothing is shown, and the browser is led to the sign-in page."""
    st.set_page_config(page_title=words("frame.product"), page_icon=icon, layout="wide")
    _say(words, "frame.denied.title", "frame.denied.body")
    st.logout()


def not_allowed(words: Words) -> None:
    _say(words, "frame.not_allowed.title", "frame.not_allowed.body")


def open_page(title: str) -> Page:
    """Title, language, data. Stops the run with a friendly word when there is nothing to show."""
    words = Words(language())
    st.title(words(title), anchor=False)
    try:
        reader = data.reader(access.viewer_of_this_rerun())
    except NoSnapshotError:
        _stop(words, "frame.empty.title", "frame.empty.body")
    except SnapshotDamagedError:
        _stop(words, "frame.damaged.title", "frame.damaged.body")
    except ContractError:
        _stop(words, "frame.contract.title", "frame.contract.body")
    publication = reader("publication").row(0, named=True)
    page = Page(words, reader, publication["business_date"], ZoneInfo(publication["company_timezone"]))
    st.caption(words("frame.data_until", day=publication["business_date"], zone=publication["company_timezone"]))
    with st.sidebar:
        st.text(publication["company"])
    damaged = reader.snapshot.replaces
    if damaged is not None:
        st.warning(words("frame.fallback", damaged=damaged.business_date, shown=publication["business_date"]))
    return page


def _say(words: Words, title: str, body: str) -> None:
    with st.container(border=True):
        st.subheader(words(title), anchor=False)
        st.markdown(words(body))


def _stop(words: Words, title: str, body: str) -> None:
    _say(words, title, body)
    st.stop()


def numbers(
    figures: Sequence[tuple[str, str] | tuple[str, str, str | None]], columns: int = 6, width: int = 120
) -> None:
    """A row of figures that becomes two columns on a phone. Labels are words, values formatted figures.

    The third part, where there is one, is the help: what the glossary says (``Page.about``).
    """
    with st.grid(max(2, min(columns, len(figures))), min_column_width=width):
        for label, value, *about in figures:
            st.metric(label, value, border=True, help=about[0] if about else None)
