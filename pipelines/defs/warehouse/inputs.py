"""The frozen inputs of a run: what dbt reads, hard-linked from the lake up to the run's sequence number."""

from collections.abc import Iterator

import dagster as dg

from models.contracts import CONTRACTS
from models.documents.churn import ChurnDocument, cutoffs
from models.documents.engagement import EngagementDocument
from models.documents.engagement import rules_table as engagement_table
from models.documents.identity import IdentityRegistry
from models.documents.settlement import SettlementDocument
from models.identity.registry_tables import limits_table, rules_table
from models.interactions import kinds_table
from models.settlement.rules import compile_rules
from pipelines.defs.resources import Build
from pipelines.documents import published
from pipelines.sources.connections import connector_class, systems

#: What lands each dataset: the lineage from source to staging.
DOORS = {
    "store": ["store_rows"],
    "run": ["publication_history"],
}
FROM_STORE = {"consents"}


def _upstream(dataset: str) -> list[str]:
    door = CONTRACTS[dataset].door
    if dataset in FROM_STORE:
        return ["store_rows"]
    return DOORS.get(door) or [*_streams(dataset), *([] if door in systems() else ["files"])]


def _streams(dataset: str) -> list[str]:
    """The assets of the connectors' streams that land it."""
    return [
        f"{system}_{stream}"
        for system in systems()
        for stream, datasets in connector_class(system).stream_datasets.items()
        if dataset in datasets
    ]


FILES = dg.AssetSpec(
    "files", group_name="ingestion", kinds={"file"}, description="Files that people import by `scrm import`."
)
PUBLICATION_HISTORY = dg.AssetSpec(
    "publication_history", group_name="ingestion", description="Outcomes that earlier publications decided."
)


OWNERS = ["team:data"]
#: Tables that the run writes itself: what each is made from, and what it is.
OF_THE_RUN = {
    "run": (["store_rows", "rule_documents"], "The frozen pair: business date and sequence."),
    "lake_batches": (["store_rows", "rule_documents"], "Batches up to the run's sequence, with their source."),
    "settlement_rules": (["rule_documents"], "The settlement rulebook as a table."),
    "churn_cutoffs": (["rule_documents"], "Cut-offs of the churn estimator."),
    "identity_rules": (["rule_documents"], "The identity registry's rules as a table."),
    "identity_limits": (["rule_documents"], "The identity registry's limits as a table."),
    "engagement_rules": (["rule_documents"], "Points of the engagement score, one row."),
    "interaction_kinds": ([], "The kinds of interactions as a table."),
}


@dg.multi_asset(
    name="run_inputs",
    group_name="inputs",
    specs=[
        *(
            dg.AssetSpec(["lake", dataset], deps=_upstream(dataset), description=contract.en, owners=OWNERS)
            for dataset, contract in CONTRACTS.items()
        ),
        *(
            dg.AssetSpec(["lake", table], deps=deps, description=words, owners=OWNERS)
            for table, (deps, words) in OF_THE_RUN.items()
        ),
    ],
)
def run_inputs(build: Build) -> Iterator[dg.MaterializeResult]:
    lake, warehouse = build.workspace.lake, build.workspace.warehouse
    plan = build.freeze()
    files = warehouse.start(lake, plan)
    churn = published(lake, "churn", ChurnDocument, plan.to_seq)
    registry = published(lake, "identity", IdentityRegistry, plan.to_seq)
    tables = {
        "settlement_rules": compile_rules(published(lake, "settlement", SettlementDocument, plan.to_seq)),
        "churn_cutoffs": cutoffs(churn, plan.as_of, build.workspace.settings.zone),
        "identity_rules": rules_table(registry),
        "identity_limits": limits_table(registry),
        "engagement_rules": engagement_table(_engagement(build, plan.to_seq), plan.as_of),
        "interaction_kinds": kinds_table(),
    }
    for table, frame in tables.items():
        warehouse.write_input(table, frame)
    counts = {"run": 1, "lake_batches": plan.to_seq} | {table: frame.height for table, frame in tables.items()}
    for dataset in CONTRACTS:
        yield dg.MaterializeResult(asset_key=["lake", dataset], metadata={"files": files[dataset]})
    for table, rows in counts.items():
        yield dg.MaterializeResult(asset_key=["lake", table], metadata={"rows": rows, "run": plan.key})


def _engagement(build: Build, to_seq: int) -> EngagementDocument:
    """A run of before there was such a document takes the one of the rulebooks folder."""
    lake, rulebooks = build.workspace.lake, build.workspace.settings.rulebooks
    if lake.files("documents", "engagement", to_seq):
        return published(lake, "engagement", EngagementDocument, to_seq)
    return EngagementDocument.load(rulebooks / "engagement.yaml")
