"""The demo company (20,000 customers, a year) from nothing to an answering dashboard, and again with nothing new."""

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.conftest import Company


def measure() -> dict[str, Any]:
    """Seconds of the first demo by step, and of a repeated run with everything landed already."""
    with tempfile.TemporaryDirectory() as scratch:
        company = Company(Path(scratch) / "home")
        started = time.monotonic()
        first = company.scrm_json("demo", "--check", "--port", "8790", apart=True)
        answered = time.monotonic()
        repeat = company.scrm_json("run", apart=True)
        return {
            "seconds_to_dashboard": round(answered - started, 1),
            "published_after_seconds": first["seconds"],
            "run_seconds": first["run"]["seconds"],
            "steps": first["run"]["steps"],
            "repeated_run_seconds": repeat["seconds"],
        }
