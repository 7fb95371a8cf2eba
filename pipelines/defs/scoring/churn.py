"""Churn scores: trained when due, then every customer of the scoring cut-off scored."""

import json

import dagster as dg
import polars as pl

from ml.churn import due, load, score, train
from models.documents.churn import ChurnDocument
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.trained import usable

ESTIMATOR = "churn"


@dg.asset(
    deps=["churn_examples"],
    group_name="scoring",
    owners=["team:data"],
    kinds={"python", "scikitlearn"},
    description="Probability of no purchase in the horizon, with band and reasons; the artifact is retrained when due.",
)
def churn_scores(build: Build) -> dg.MaterializeResult:
    warehouse, plan, lake = build.workspace.warehouse, build.plan, build.workspace.lake
    document = published(lake, "churn", ChurnDocument, plan.to_seq)
    examples = warehouse.read("churn_examples")
    known = usable(lake, plan, ESTIMATOR)
    metadata = dict(known[-1][0].details) if known else None
    reason = due(metadata, plan.business_date, document, retrain=build.retrain)
    if reason is not None:
        trained = train(examples, document, plan.business_date)
        content, metadata = trained.content, trained.metadata
        warehouse.set_aside_artifact(ESTIMATOR, content, trained.metadata, trained.card)
    else:
        content = lake.content(known[-1][1])
    scores = score(load(content), examples)
    warehouse.write_input("churn_scores", scores)
    warehouse.decide(
        "scores",
        scores.select(
            "customer_id",
            "artifact_id",
            "score_ppm",
            estimator=pl.lit(ESTIMATOR),
            business_date=pl.lit(plan.business_date),
        ),
    )
    (warehouse.building / "estimators.json").write_text(
        json.dumps([{"estimator": ESTIMATOR, "metadata": metadata}], default=str)
    )
    return dg.MaterializeResult(
        metadata={
            "trained": reason or "no: the artifact is fresh",
            "scored": scores.height,
            "artifact": str((metadata or {}).get("artifact_id")),
        }
    )
