"""A file through the page in a real browser: the server, the worker that `scrm dashboard` starts, a reload between."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import PATIENCE, RUN_DONE, SIZES
from tests.conftest import Company
from tests.unit.test_jobs import ORDERS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture
def address(copied_sample: Callable[[], Company], served: Callable[[Path], str]) -> str:
    return served(copied_sample().home)


def test_a_file_is_uploaded_confirmed_and_its_rejects_downloaded(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "一月 orders.csv"
    file.write_bytes(ORDERS.encode("gb18030"))
    page = browser.new_page(viewport=SIZES["phone"])
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
    page.close()
