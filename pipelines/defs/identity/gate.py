"""The quality gate of who is who as asset checks: one that fails stops the run before anything is published."""

import json
from collections.abc import Iterator

import dagster as dg

from models.identity.gate import FIGURES, Figure, stop_when_broken
from pipelines.defs.resources import Build

SPECS = [dg.AssetCheckSpec(name=f"identity_{name}", asset="persona_customers", blocking=True) for name in FIGURES]


def judged(build: Build, found: list[Figure]) -> Iterator[dg.AssetCheckResult]:
    """A check result for each figure; the published quality table has them too. Raises IdentityGateError."""
    rows = []
    for figure in found:
        name = f"identity_{figure.name}"
        status = "pass" if figure.passed else "fail"
        rows.append({"check_name": name, "status": status, "failing_rows": 0 if figure.passed else 1})
        yield dg.AssetCheckResult(
            passed=figure.passed,
            asset_key="persona_customers",
            check_name=name,
            metadata={"value": figure.value} | ({} if figure.most is None else {"most": figure.most}),
        )
    path = build.workspace.warehouse.building / "checks-gate.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    stop_when_broken(found)
