"""The whole graph over a filled company: a whole run, the day after it that goes on, and that day built whole.

``SCRM_BENCH_CUSTOMERS=1000000 make bench ARGS=whole_graph`` measures the size that the bars speak of; it takes an hour
and 60 GB of disk. A tenth of it by default, and a tenth of that for the growth.
"""

import json
import os
import subprocess
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.generating import Order, generate_into
from pipelines.warehouse import DATABASE, digests
from tests.conftest import Company, environment, scrm_command

CUSTOMERS = int(os.environ.get("SCRM_BENCH_CUSTOMERS", "100000"))
MEMORY = os.environ.get("SCRM_WAREHOUSE_MEMORY", "6GB")
ENDS_ON = date(2026, 6, 30)
DBT = "tables_"  # steps of a run that are dbt's begin so
BARS = {"seconds": 480, "peak_mb": 10_240, "one_more_day": 0.15, "growth": 11.0}  # for a million customers


def measure() -> dict[str, Any]:
    """Seconds, processor seconds and peak of each run, seconds by step; what one more day costs of a whole one, in
    all and in dbt's steps; whether both ways gave the same tables; how time grows from a tenth of the customers."""
    small = _apart(CUSTOMERS // 10, days=1)["whole"]
    found = _apart(CUSTOMERS, days=2)
    whole, one_more = found["whole"], found["one more day"]
    return {
        "customers": CUSTOMERS,
        "memory": MEMORY,
        **found,
        "one_more_day": {
            "of_all": round(one_more["seconds"] / whole["seconds"], 3),
            "of_dbt": round(_dbt(one_more) / _dbt(whole), 3),
        },
        "growth": round(whole["seconds"] / small["seconds"], 1),
        "bars": BARS,
    }


def _apart(customers: int, days: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder) / "home")
        generate_into(Lake(company.settings.lake_dir), Order(customers, 5, ENDS_ON), 2)
        found = {"whole": _run(company, "--business-date", ENDS_ON.isoformat())}
        asked = ["--to-seq", str(RunPlan.read(company.settings.promoted_dir).to_seq), "--business-date"]
        if days > 1:
            after = (ENDS_ON + timedelta(days=1)).isoformat()
            found["one more day"] = _run(company, *asked, after)
            gone_on = digests(company.settings.promoted_dir / DATABASE)
            found["that day, whole"] = _run(company, *asked, after, "--full")
            found["equal"] = gone_on == digests(company.settings.promoted_dir / DATABASE)
        return found


def _run(company: Company, *arguments: str) -> dict[str, Any]:
    """A run in a process of its own, with what that process used."""
    env = environment(company.home, SCRM_WAREHOUSE_MEMORY=MEMORY)
    with subprocess.Popen(scrm_command("run", "--json", *arguments), env=env, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the run ended with {child.returncode}: {said.decode()}")
    report = json.loads(said)
    return {
        "seconds": report["seconds"],
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": used.ru_maxrss // 1024,
        "steps": report["steps"],
    }


def _dbt(run: dict[str, Any]) -> float:
    return sum(seconds for step, seconds in run["steps"].items() if step.startswith(DBT))
