"""The probabilistic pass of a run: its model, kept in the lake until it is due, and what it found."""

from collections.abc import Mapping
from datetime import date, timedelta
from importlib.metadata import version
from typing import Any

import dagster as dg
import polars as pl

from models.documents.identity import IdentityRegistry
from models.documents.identity_matching import LikelyMatching
from models.identity.decisions import Said
from models.identity.likely import Likely, likely_links, model_id
from models.identity.model_card import model_card
from models.identity.scoring import MatchModel
from pipelines.defs.resources import Build
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.trained import usable

ESTIMATOR = "identity_matching"
RULE = "likely"


def compared(
    build: Build,
    registry: IdentityRegistry,
    identifiers: pl.DataFrame,
    customers: pl.DataFrame,
    said: Said,
) -> tuple[Likely, str]:
    """What the pass found between the customers that rules made (persona_id, customer_id), and a word on its model.

    identifiers: persona_id, identifier_type, identifier of those that are somebody's. A hidden receiver, of whom
    nothing else is known, is compared as well; a persona that could be one of several people is not. A new model is
    set aside for the lake; it learns from what people said to be the same, too.
    """
    warehouse, plan, lake = build.workspace.warehouse, build.plan, build.workspace.lake
    if registry.matching is None:
        return likely_links(customers.head(0), identifiers, customers.head(0), registry), "no: nothing is compared"
    personas = warehouse.read("personas")
    hidden = (
        personas.filter(pl.col("receiver_phone").is_not_null())
        .join(customers, on="persona_id", how="anti")
        .join(identifiers, on="persona_id", how="anti")
    )
    groups = pl.concat(
        [
            customers.select("persona_id", group="customer_id"),
            hidden.select("persona_id", group=pl.lit("alone:") + pl.col("persona_id").cast(pl.String)),
        ]
    )
    model, reason = _kept(lake, plan, registry.matching, retrain=build.retrain)
    ends = [pl.col(f"{side}_persona").cast(pl.String).alias(side) for side in ("left", "right")]
    labels = said.same.select(*ends, is_match=pl.lit(value=True))
    found = likely_links(personas, identifiers, groups, registry, model, said.apart, labels)
    if found.why is not None:
        return found, f"no: {found.why}"
    if reason is not None and found.model is not None:
        content = found.model.to_json().encode()
        warehouse.set_aside_artifact(
            ESTIMATOR, content, _facts(found.model, plan.business_date), model_card(found.model), form="splink"
        )
    return found, reason or "no: the model is fresh"


def as_edges(found: Likely, edges: pl.DataFrame, registry: IdentityRegistry) -> pl.DataFrame:
    """The links among what was found, as edges of the weakest rule: with the columns and types of ``edges``."""
    likely = found.links.filter(pl.col("decision") == "linked").select(
        "left_persona", "right_persona", rule=pl.lit(RULE), rule_seq=pl.lit(len(registry.rules) + 1)
    )
    absent = [pl.lit(None).alias(name) for name in edges.columns if name not in likely.columns]
    return likely.with_columns(absent).select(pl.col(name).cast(edges.schema[name]) for name in edges.columns)


def _kept(
    lake: Lake, plan: RunPlan, matching: LikelyMatching, *, retrain: bool
) -> tuple[MatchModel | None, str | None]:
    """The model that will do, or none and why one has to be learned."""
    known = usable(lake, plan, ESTIMATOR)
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
