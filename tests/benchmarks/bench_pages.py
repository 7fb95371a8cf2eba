"""Each page at the demo's size: 20,000 customers, 150,000 orders, 40 stores, one process.

``first_seconds`` is a run whose answers are not cached, ``again_seconds`` the alternative: the same page from the
cache. The bar of a page is one second.
"""

import os
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboards import access
from models.serving import Viewer
from tests.factories_snapshot import build_snapshot

APP = Path(__file__).parents[2] / "dashboards" / "streamlit_app.py"
PAGES = ("overview", "customers", "journey", "identity", "identity_review", "value", "settlement", "at_risk", "quality")
BAR_SECONDS = 1.0


def measure() -> dict[str, object]:
    access.current_viewer = Viewer.owner_of_the_company
    with tempfile.TemporaryDirectory() as folder:
        pointer = build_snapshot(Path(folder) / "published", customers=20_000, orders=150_000, stores=40, days=365)
        os.environ["SCRM_HOME"] = folder
        started = time.perf_counter()
        app = AppTest.from_file(APP, default_timeout=60).run()
        figures: dict[str, object] = {
            "snapshot_bytes": pointer.bytes,
            "bar_seconds": BAR_SECONDS,
            "start_seconds": round(time.perf_counter() - started, 3),  # imports, and the hash of the snapshot
        }
        app.switch_page("app_pages/quality.py").run()
        for page in PAGES:
            figures[page] = {name: _run(app, page) for name in ("first_seconds", "again_seconds")}
    return figures


def _run(app: AppTest, page: str) -> float:
    app.switch_page(f"app_pages/{page}.py")
    started = time.perf_counter()
    app.run()
    seconds = time.perf_counter() - started
    if app.exception:
        raise RuntimeError(f"{page}: {app.exception[0].message}")
    return round(seconds, 3)
