"""A file through the page in a real browser: the server, the worker that `scrm dashboard` starts, a reload between."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from pipelines.commands.screens import free_port
from tests.browser.test_in_chromium import CHROMIUM, PATIENCE, QUIET, RUN_DONE
from tests.conftest import Company, environment, scrm_command
from tests.unit.test_jobs import ORDERS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ANSWERS_SECONDS = 120


@pytest.fixture
def address(copied_sample: Callable[[], Company]) -> Iterator[str]:
    port = free_port(8750)
    process = subprocess.Popen(
        scrm_command("dashboard", "--port", str(port)),
        env=environment(copied_sample().home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + ANSWERS_SECONDS
        while not _answers(url):
            assert process.poll() is None, "the dashboard ended"
            assert time.monotonic() < deadline, "the dashboard does not answer"
            time.sleep(0.3)
        yield url
    finally:
        process.terminate()
        process.wait(40)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/_stcore/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_file_is_uploaded_confirmed_and_its_rejects_downloaded(address: str, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    file = tmp_path / "一月 orders.csv"
    file.write_bytes(ORDERS.encode("gb18030"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/login?language=en")
        page.get_by_role("button", name="Owner").click()
        page.get_by_role("heading", level=1, name="Overview").wait_for()
        page.goto(f"{address}/imports?language=en")
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_text(file.name).first.wait_for()
        page.get_by_role("button", name="Look at the file").click()
        page.get_by_role("heading", name="Preview").wait_for()
        page.reload()
        page.get_by_role("heading", name="Preview").wait_for()
        page.wait_for_selector(RUN_DONE)
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert wide == 0, "nothing makes the page scroll sideways"
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_role("heading", name="What became of the file").wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the 1 rejected rows").click()
        handed = download.value.path().read_text(encoding="utf-8-sig")
        assert handed.splitlines()[0].endswith("_problem")
        assert "quantity must be above zero" in handed
        browser.close()
