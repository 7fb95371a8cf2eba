"""What the tests of pages share."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboards import access, data
from models.serving import Viewer
from tests.factories_snapshot import build_snapshot

APP = Path(__file__).parents[2] / "dashboards" / "streamlit_app.py"
OWNER = Viewer.owner_of_the_company()
MANAGER = Viewer("manager", "", frozenset({"store_manager"}), frozenset({"S01"}))
NOWHERE = Viewer("x", "", frozenset({"store_manager"}), frozenset())
Opened = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Streamlit's test runner reads the metadata of every installed package at each run of a page: half of its time.

    A server does so once, when it starts. The packages do not change while the tests run.
    """
    with pytest.MonkeyPatch.context() as patched:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patched.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot of ``factories_snapshot``, published."""
    home = tmp_path_factory.mktemp("home")
    build_snapshot(home / "published")
    return home


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test with caches of its own; the viewer is the owner unless the test says otherwise."""
    monkeypatch.setattr(access, "current_viewer", lambda: OWNER)
    yield
    for cached in (data.settings, data.snapshots, data._answer):
        cached.clear()


@pytest.fixture
def app(home: Path, fresh: None, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """``app(page, language, **query)``: the page after one run."""
    monkeypatch.setenv("SCRM_HOME", str(home))

    def opened(page: str = "overview", language: str = "zh", **query: str) -> AppTest:
        at = AppTest.from_file(APP, default_timeout=30)
        at.query_params["language"] = language
        at.run()
        if page != "overview":
            at.switch_page(f"app_pages/{page}.py")
            for name, value in query.items():
                at.query_params[name] = value
            at.run()
        return at

    return opened
