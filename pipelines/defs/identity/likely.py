"""The probabilistic pass of a run: its model, kept in the lake until it is due, and what it found."""

from collections.abc import Mapping
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any

import dagster as dg

from models.documents.identity import IdentityRegistry
from models.documents.identity_matching import LikelyMatching
from models.identity.likely import Likely, model_id
from models.identity.model_card import model_card
from models.identity.scoring import MatchModel
from pipelines.defs.resources import Build
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.trained import IDENTITY_MATCHING, usable


def kept_model(build: Build, registry: IdentityRegistry) -> tuple[MatchModel | None, str | None]:
    """The model that will do; or none, and why one has to be learned."""
    if registry.matching is None:
        return None, None
    return _kept(build.workspace.lake, build.plan, registry.matching, retrain=build.retrain)


def keep_model(build: Build, found: Likely, reason: str | None) -> str:
    """Set a model that was learned aside for the lake; a word on it. ``reason``: why it had to be."""
    if found.why is not None:
        return f"no: {found.why}"
    if reason is not None and found.model is not None:
        content = found.model.to_json().encode()
        facts = _facts(found.model, build.plan.business_date)
        build.workspace.warehouse.set_aside_artifact(
            IDENTITY_MATCHING, content, facts, model_card(found.model), form="splink"
        )
    return reason or "no: the model is fresh"


def _kept(
    lake: Lake, plan: RunPlan, matching: LikelyMatching, *, retrain: bool
) -> tuple[MatchModel | None, str | None]:
    """The model that will do, or none and why one has to be learned."""
    known = usable(lake, plan, IDENTITY_MATCHING)
    if not known:
        return None, "there is no model"
    entry, file = known[-1]
    reason = due(entry.details, plan.business_date, matching, retrain=retrain)
    return (None, reason) if reason else (MatchModel.from_json(lake.content(file).decode()), None)


def due(details: Mapping[str, Any], today: date, matching: LikelyMatching, *, retrain: bool) -> str | None:
    """Why a model (details: what its artifact says of it) is not used any more, or none."""
    if retrain:
        return "retraining was asked for"
    if details["document_version"] != matching.version:
        return "the matching section has changed"
    if details["splink"] != version("splink"):
        return "Splink has changed"
    trained_on = date.fromisoformat(str(details["trained_on"]))
    if today - trained_on >= timedelta(days=matching.retrain_after_days):
        return f"the model is of {trained_on}; the limit is {matching.retrain_after_days} days"
    return None


def _facts(model: MatchModel, today: date) -> dict[str, Any]:
    return {
        "artifact_id": model_id(model),
        "trained_on": today.isoformat(),
        "document_version": model.document_version,
        "fingerprint": model.fingerprint,
        "rows": model.rows,
        "labelled_pairs": model.labelled_pairs,
        "splink": version("splink"),
    }


def likely_metadata(found: Likely, word: str) -> dict[str, dg.MetadataValue | int | str]:
    """What the run says of the pass: pairs by decision, and whether it learned."""
    counts = dict(found.links.group_by("decision").len().iter_rows())
    return {"trained": word, **{name: int(counts.get(name, 0)) for name in ("linked", "review", "apart")}}
