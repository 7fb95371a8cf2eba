"""What a draft would change, for viewers of the whole company: of the identity registry, of the settlement rulebook."""

from dataclasses import asdict
from typing import Any

import polars as pl

from models.documents.identity import IdentityRegistry
from models.documents.settlement import SettlementDocument
from models.settlement.months import day_of, months_between
from models.store import Job
from pipelines import identity_simulation, settlement_simulation
from pipelines.jobs import Tell
from pipelines.jobs.permission import check_whole_company
from pipelines.settlement_simulation import Simulation
from pipelines.workspace import Workspace

ROWS = 500  # of parties and of rules, those that change most first; a job's result is one row of the store


def handle_simulate_identity(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``draft``, the text of the document. Result: as ``scrm identity simulate --json``.

    It writes nothing, so that beginning again is no harm. Raises DocumentError, NothingToCompareError, and
    NotPermittedError for a person who does not see every store.
    """
    check_whole_company(workspace, job, "who is who")
    settings = workspace.settings
    draft = IdentityRegistry.parse(str(job.arguments["draft"]), name="draft")
    tell(0, 1, "simulate")
    return asdict(identity_simulation.simulate(settings, draft, settings.home / "scratch" / "identity-draft"))


def handle_simulate_settlement(job: Job, workspace: Workspace, tell: Tell) -> dict[str, Any]:
    """Arguments: ``draft``, the text; ``periods``, as ``2026-05..2026-06``; ``effective_from``, a day, or left out.

    Result: as ``scrm settlement simulate --json``, but of parties and rules the ROWS that change most; parties_count
    and rules_count are of all; ``moved`` has what changes hands, grain (currency).
    It writes nothing, so that beginning again is no harm. Raises DocumentError, MonthsError, RulebookRefusedError,
    NothingToSimulateError, and NotPermittedError for a person who does not see every store.
    """
    check_whole_company(workspace, job, "a draft of the settlement rulebook")
    draft = SettlementDocument.parse(str(job.arguments["draft"]), name="draft")
    first, until = months_between(str(job.arguments["periods"]))
    day = job.arguments.get("effective_from")
    begins = day_of(str(day)) if day else None
    tell(0, 1, "settle")
    return _told(settlement_simulation.simulate(workspace.settings, draft, first, until, begins))


def _told(found: Simulation) -> dict[str, Any]:
    days = {name: getattr(found, name).isoformat() for name in ("effective_from", "first", "until")}
    return {
        **asdict(found),
        **days,
        "parties": found.parties[:ROWS],
        "parties_count": len(found.parties),
        "rules": found.rules[:ROWS],
        "rules_count": len(found.rules),
        "moved": _moved(found.parties),
    }


def _moved(parties: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per currency what some parties gain and others lose, each party's roles taken together."""
    names = {"party_id": pl.String, "currency": pl.String, "difference": pl.Int64}
    rows = [tuple(row[name] for name in names) for row in parties]
    difference = pl.col("difference")
    return (
        pl.DataFrame(rows, schema=names, orient="row")
        .group_by("currency", "party_id")
        .agg(difference.sum())
        .group_by("currency")
        .agg(
            difference.filter(difference > 0).sum().alias("gained_amount"),
            difference.filter(difference < 0).sum().alias("lost_amount"),
            (difference > 0).sum().alias("gaining_count"),
            (difference < 0).sum().alias("losing_count"),
            pl.len().alias("parties_count"),
        )
        .sort("currency")
        .to_dicts()
    )
