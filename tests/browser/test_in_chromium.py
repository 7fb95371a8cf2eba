"""The dashboard in a real browser: every page, both languages, a desk and a phone."""

import shutil
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipelines.commands.screens import free_port
from tests.conftest import Company, environment, scrm_command

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]
PAGES = ["", "customers", "settlement", "at_risk", "quality"]
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def address(published_sample: Company) -> Iterator[str]:
    port = free_port(8700)
    process = subprocess.Popen(
        scrm_command("dashboard", "--port", str(port)), env=environment(published_sample.home), stderr=subprocess.PIPE
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(120):
            try:
                if httpx.get(url + "/_stcore/health", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


def settled(page: Page, url: str) -> None:
    """Open and wait until Streamlit has finished its run."""
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_its_figures_and_fits(browser: Browser, address: str, name: str, size: str, language: str) -> None:
    page = browser.new_page(viewport=SIZES[size])
    try:
        settled(page, f"{address}/{name}?language={language}")
        text = page.inner_text("body")
        assert page.locator("[data-testid=stException]").count() == 0, text
        assert any(character.isdigit() for character in text), "a page shows figures"
        chinese = sum("\u4e00" <= character <= "\u9fff" for character in page.inner_text("h1"))
        assert bool(chinese) == (language == "zh"), "the title is in the language asked for"
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["width"], "nothing makes the page scroll sideways"
    finally:
        page.close()


def test_the_language_switch_turns_the_page(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZES["desk"])
    try:
        settled(page, f"{address}/?language=zh")
        before = page.inner_text("h1")
        page.get_by_role("button", name="English").click()
        page.wait_for_function("title => document.querySelector('h1').innerText !== title", arg=before, timeout=30_000)
        assert "language=en" in page.url
    finally:
        page.close()


def test_a_stranger_s_markup_is_shown_not_run(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=SIZES["desk"])
    hits: list[str] = []
    page.on("dialog", lambda dialog: (hits.append(dialog.message), dialog.dismiss()))
    try:
        settled(page, f"{address}/customers?language=en")
        page.get_by_role("textbox").first.fill('<img src=x onerror="alert(1)">')
        page.keyboard.press("Enter")
        page.wait_for_timeout(1500)
        assert hits == []
    finally:
        page.close()
