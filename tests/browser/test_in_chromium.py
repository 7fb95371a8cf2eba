"""The dashboard in a real browser: every page, both languages, a desk and a phone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, TimeoutError

from models.serving import Snapshots, Viewer, run
from tests.browser.conftest import PATIENCE, RUN_DONE, SIZES
from tests.conftest import Company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
TITLES = {
    "zh": {
        "": "总览",
        "customers": "客户",
        "journey": "客户旅程",
        "identity": "身份图谱",
        "reach": "触达与好友",
        "value": "价值",
        "settlement": "结算",
        "statements": "结算单",
        "at_risk": "流失风险",
        "quality": "数据",
    },
    "en": {
        "": "Overview",
        "customers": "Customers",
        "journey": "Journey",
        "identity": "Who is who",
        "reach": "Reach and friends",
        "value": "Value",
        "settlement": "Settlement",
        "statements": "Statements",
        "at_risk": "At risk",
        "quality": "Data",
    },
}
CHARTS = {"", "journey", "reach", "value", "settlement", "at_risk"}
REOPEN = 5_000
RAW_CODES = ("serve_", "stg_", "assert_", "grain_", "UNLINKED", "order_paid", "wecom_", "None", "NaN", "undefined")


@pytest.fixture(scope="module")
def address(published_sample: Company, served: Callable[[Path], str]) -> str:
    return served(published_sample.home)


@pytest.fixture(scope="module")
def session(browser: Browser, address: str) -> StorageState:
    """The demo's owner, signed in once with one click: the cookies for every page of this module."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/login?language=en")
        page.get_by_role("button", name="Owner").click()
        page.get_by_role("heading", level=1, name="Overview").wait_for(timeout=PATIENCE)
        return context.storage_state()


@pytest.fixture
def desk(browser: Browser, session: StorageState) -> Iterator[Page]:
    page = browser.new_page(viewport=SIZES["desk"], storage_state=session)
    yield page
    page.close()


def settled(page: Page, url: str) -> None:
    """Open and wait until the page has its title and Streamlit has finished its run."""
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE)
    page.wait_for_selector(RUN_DONE, timeout=PATIENCE)


def chosen(page: Page, label: str, place: int, answer: str) -> None:
    """Choose from a box by its label and wait for what the choice brings.

    A rerun that is still on its way closes a box opened too early: then it is opened again.
    """
    for _ in range(PATIENCE // REOPEN):
        page.get_by_role("combobox", name=label).first.click()
        try:
            page.get_by_role("option").nth(place).click(timeout=REOPEN)
            break
        except TimeoutError:
            page.keyboard.press("Escape")
    page.get_by_text(answer).first.wait_for(timeout=PATIENCE)
    page.wait_for_selector(RUN_DONE, timeout=PATIENCE)


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", TITLES["en"])
def test_a_page_shows_its_figures_and_fits(
    browser: Browser, session: StorageState, address: str, name: str, size: str, language: str
) -> None:
    page = browser.new_page(viewport=SIZES[size], storage_state=session)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    try:
        settled(page, f"{address}/{name}?language={language}")
        page.locator("[data-testid=stDataFrame]:visible").first.wait_for(timeout=PATIENCE)
        if name in CHARTS:
            page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for(
                timeout=PATIENCE
            )
        assert page.locator("[data-testid=stException]").count() == 0
        assert page.inner_text("h1") == TITLES[language][name]
        text = page.inner_text("[data-testid=stMain]")
        assert any(character.isdigit() for character in text), "a page shows figures"
        assert [code for code in RAW_CODES if code in text] == []
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert wide == 0, "nothing makes the page scroll sideways"
        assert failures == []
    finally:
        page.close()


def test_the_language_switch_turns_the_page_and_lasts(desk: Page, address: str) -> None:
    settled(desk, f"{address}/?language=zh")
    desk.get_by_text("English", exact=True).click()
    desk.wait_for_function("document.querySelector('h1')?.innerText === 'Overview'", timeout=PATIENCE)
    assert "language=en" in desk.url
    desk.get_by_role("link", name="Settlement").click()
    desk.wait_for_function("document.querySelector('h1')?.innerText === 'Settlement'", timeout=PATIENCE)
    desk.reload()
    desk.wait_for_function("document.querySelector('h1')?.innerText === 'Settlement'", timeout=PATIENCE)


def test_a_settled_line_is_explained_to_the_cent(desk: Page, address: str) -> None:
    settled(desk, f"{address}/settlement?language=en")
    chosen(desk, "Choose a store", 0, "Find lines by order")
    chosen(desk, "Choose a line", 0, "as below; together")
    said = desk.get_by_text("as below; together").first
    base, total = said.inner_text().split(" shares ")[1].split(" as below; together ")
    assert total == f"{base}."


def test_a_profile_can_be_linked_to(desk: Page, address: str, published_sample: Company) -> None:
    owner = Viewer.owner_of_the_company()
    found = run(Snapshots(published_sample.settings.published_dir), "customer_search", owner, text=None)
    settled(desk, f"{address}/customers?language=en&customer={found['customer_id'][0]}")
    desk.get_by_role("tab", name="Timeline").wait_for(timeout=PATIENCE)
    assert desk.get_by_text(found["customer_id"][0]).count() == 1


def test_a_stranger_s_markup_is_shown_not_run(desk: Page, address: str) -> None:
    dialogs: list[str] = []
    desk.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    settled(desk, f"{address}/customers?language=en")
    markup = '<img src=x onerror="alert(1)">'
    desk.get_by_role("textbox").first.fill(markup)
    desk.keyboard.press("Enter")
    desk.get_by_text("No customer matches.").wait_for(timeout=PATIENCE)
    assert desk.get_by_role("textbox").first.input_value() == markup
    assert dialogs == []
