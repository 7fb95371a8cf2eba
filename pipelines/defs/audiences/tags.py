"""Rule tags of this run, between the facts and the published tables: an audience may ask for a tag of the same run."""

import dagster as dg
import polars as pl

from models.documents.tags import TagDocument
from models.tags.deciding import EVENTS_SCHEMA, decide, periods
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.warehouse import Warehouse

_OF_SCORES = ("band", "reason_1", "reason_2", "reason_3", "score_ppm", "rank")


@dg.asset(
    deps=[
        "customers",
        "customer_reachability",
        "customer_engagement",
        "churn_scores",
        ["lake", "tag_events"],
        ["lake", "lake_batches"],
    ],
    group_name="audiences",
    owners=["team:data"],
    kinds={"python", "polars"},
    description="Periods in which customers have tags of rules; who got one and who lost one is decided by this run.",
)
def rule_tags(build: Build) -> dg.MaterializeResult:
    warehouse, plan, lake = build.workspace.warehouse, build.plan, build.workspace.lake
    # a run of before there were tags has no document and decides nothing
    landed = lake.files("documents", "tags", plan.to_seq)
    document = published(lake, "tags", TagDocument, plan.to_seq) if landed else TagDocument()
    batches = warehouse.read_input("lake_batches").select("batch", "seq")
    decided = warehouse.read_input("tag_events").join(batches, left_on="_batch", right_on="batch")
    history = decided.select(*EVENTS_SCHEMA, "seq")
    events = decide(document, candidates(warehouse, document), history, plan.as_of, plan.business_date, plan.key)
    warehouse.decide("tag_events", events)
    told = pl.concat([history, events.with_columns(seq=pl.lit(None, dtype=pl.Int64))])
    found = periods(told, plan.business_date)
    warehouse.write_input("rule_tags", found)
    kinds = dict(events.group_by("kind").len().sort("kind").iter_rows())
    return dg.MaterializeResult(metadata={"tags": len(document.tags), "hold": found["until"].null_count(), **kinds})


def candidates(warehouse: Warehouse, document: TagDocument) -> pl.DataFrame:
    """Every customer with the fields that the document asks about; the whole company's figures."""
    asked = document.fields
    people = warehouse.read("customers")
    found = people.select("customer_id", *(name for name in people.columns if name in asked and name != "customer_id"))
    if "engagement_score" in asked:
        scores = warehouse.read("customer_engagement").select("customer_id", engagement_score="score")
        found = found.join(scores, on="customer_id", how="left")
    if "reachable_by" in asked:
        reach = warehouse.read("customer_reachability").filter("is_marketing_reachable")
        channels = reach.group_by("customer_id").agg(pl.col("channel").sort().alias("reachable_by"))
        found = found.join(channels, on="customer_id", how="left")
    if asked & set(_OF_SCORES):
        scored = warehouse.read_input("churn_scores").select("customer_id", *sorted(asked & set(_OF_SCORES)))
        found = found.join(scored, on="customer_id", how="left")
    return found
