"""Signing in with a real browser: set-up, the demo's one click, sign-out, and what a store manager sees."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE, RUN_DONE, SIZES
from tests.conftest import Company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def demo(published_sample: Company, served: Callable[[Path], str]) -> str:
    return served(published_sample.home)


@pytest.fixture
def empty(tmp_path: Path, served: Callable[[Path], str]) -> str:
    return served(tmp_path / "home")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=SIZES["desk"]) as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


def settled(page: Page, title: str) -> None:
    page.get_by_role("heading", level=1, name=title).wait_for()
    page.wait_for_selector(RUN_DONE)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_the_sign_in_page_fits_and_leads_back_to_the_page_that_was_asked_for(page, demo, size, language):
    page.set_viewport_size(SIZES[size])
    page.goto(f"{demo}/settlement?language={language}")
    assert "/login?next=" in page.url
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.locator(".demo button").first.click()
    settled(page, {"zh": "结算", "en": "Settlement"}[language])


def test_a_store_manager_sees_one_store_and_is_told_what_is_not_theirs(page, demo):
    page.goto(f"{demo}/login?language=en")
    page.get_by_role("button", name="Store manager").click()
    settled(page, "Overview")
    assert page.get_by_role("link", name="People").count() == 0
    page.goto(f"{demo}/people?language=en")
    page.get_by_text("Not allowed").wait_for()
    assert page.locator("[data-testid=stDataFrame]").count() == 0
    page.get_by_text("Sign out").first.click()
    page.wait_for_url("**/login**")
    page.goto(f"{demo}/settlement")
    assert "/login" in page.url, "the cookie that is left opens nothing"


def test_a_new_company_is_set_up_by_its_first_visitor(page, empty):
    page.goto(f"{empty}/?language=en")
    assert "/setup" in page.url
    page.fill("#name", "周")
    page.fill("#login", "zhou")
    page.fill("#password", "a long enough one")
    page.fill("#repeat", "a long enough one")
    page.locator("form button").click()
    page.get_by_text("make demo").first.wait_for()
    cookie = next(one for one in page.context.cookies() if one["name"] == "siyu_session")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
