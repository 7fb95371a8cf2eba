"""Trained artifacts of the lake that a run may use."""

from pipelines.lake import Entry, File, Lake
from pipelines.plan import RunPlan

IDENTITY_MATCHING = "identity_matching"


def usable(lake: Lake, plan: RunPlan, estimator: str) -> list[tuple[Entry, File]]:
    """Artifacts of an estimator, the best last. None that knows the run's future; and what a past day trained when it
    was caught up later does not replace a newer one."""
    found = [
        (entry, file)
        for entry, file in lake.files("artifacts", estimator, plan.to_seq)
        if str(entry.details["trained_on"]) <= plan.business_date.isoformat()
    ]
    return sorted(found, key=lambda item: (str(item[0].details["trained_on"]), item[0].seq))
