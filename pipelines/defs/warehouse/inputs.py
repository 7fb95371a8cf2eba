"""The frozen inputs of a run: what dbt reads, hard-linked from the lake up to the run's sequence number."""

from collections.abc import Iterator

import dagster as dg

from models.contracts import CONTRACTS
from models.customers.rule_tables import rule_tables
from models.documents.churn import ChurnDocument, cutoffs
from models.documents.customer import CustomerDocument
from models.documents.engagement import EngagementDocument
from models.documents.engagement import rules_table as engagement_table
from models.documents.identity import IdentityRegistry
from models.documents.journey import JourneyDocument
from models.documents.payouts import PayoutDocument, minimums_table
from models.documents.reconciliation import ReconciliationDocument
from models.documents.reconciliation import rules_table as reconciliation_table
from models.documents.tax import TaxDocument
from models.documents.value import ValueDocument, value_tables
from models.identity.registry_tables import limits_table, rules_table
from models.interactions import kinds_table
from models.journeys import tables as journeys
from models.settlement.taxes import tax_tables
from models.settlement.versions import compile_versions
from pipelines import increments
from pipelines.closing import require_whole
from pipelines.custom_values import custom_values
from pipelines.defs.resources import Build
from pipelines.documents import D, published
from pipelines.rulebooks import known_versions
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
    "settlement_rules": (["rule_documents"], "The parts of the settlement rulebook's shares, as a table."),
    "settlement_transfer_rules": (["rule_documents"], "Its rules of commissions, fees and rebates."),
    "settlement_slices": (["rule_documents"], "The slices of its tiers."),
    "settlement_versions": (["rule_documents"], "The days on which each of its published versions holds."),
    "settlement_tax_rates": (
        ["rule_documents"],
        "The tax rates of every country, taxpayer, category and span of days.",
    ),
    "settlement_taxpayers": (["rule_documents"], "Stores that are not general taxpayers."),
    "settlement_minimums": (["rule_documents"], "From which balance on a party is paid, by currency."),
    "churn_cutoffs": (["rule_documents"], "Cut-offs of the churn estimator."),
    "value_rules": (["rule_documents"], "The value document's window and limits, one row."),
    "value_scales": (["rule_documents"], "Limits of the RFM scores, by measure and currency."),
    "value_boxes": (["rule_documents"], "The segment of every combination of RFM scores."),
    "value_segments": (["rule_documents"], "Segments of customers, with their names."),
    "value_components": (["rule_documents"], "Which component of a contribution a kind of cost or bill line is."),
    "reconciliation_rules": (["rule_documents"], "Days and limits of reconciling bills, one row."),
    "journey_stages": (["rule_documents"], "The stages of the journey as a table."),
    "journey_rules": (["rule_documents"], "What opens and ends the stages as a table."),
    "journey_limits": (["rule_documents"], "When a week of a stage is told as moved."),
    "identity_rules": (["rule_documents"], "The identity registry's rules as a table."),
    "identity_limits": (["rule_documents"], "The identity registry's limits as a table."),
    "engagement_rules": (["rule_documents"], "Points of the engagement score, one row."),
    "interaction_kinds": ([], "The kinds of interactions as a table."),
    "customer_field_rules": (["rule_documents"], "The criteria by which a customer's fields survive."),
    "customer_field_sources": (["rule_documents"], "Which source may state which field, how trusted, and if verified."),
    "customer_cleared_values": (["rule_documents"], "Values that never survive."),
    "customer_rules": (["rule_documents"], "The rules of owner, home store and region, in order."),
    "custom_fields": (["rule_documents"], "The company's own fields and their choices, with labels."),
    "custom_values": (["rule_documents", "files"], "What imported files say in the company's own fields."),
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
    value = published(lake, "value", ValueDocument, plan.to_seq)
    journey = published(lake, "journey", JourneyDocument, plan.to_seq)
    registry = published(lake, "identity", IdentityRegistry, plan.to_seq)
    customer = published(lake, "customer", CustomerDocument, plan.to_seq)
    tables = {
        **compile_versions(known_versions(lake, plan.to_seq)),
        **tax_tables(_published_or_shipped(build, "tax", TaxDocument, plan.to_seq)),
        "settlement_minimums": minimums_table(_published_or_shipped(build, "payouts", PayoutDocument, plan.to_seq)),
        "churn_cutoffs": cutoffs(churn, plan.as_of, build.workspace.settings.zone),
        **value_tables(value, plan.as_of, build.workspace.settings.zone),
        "reconciliation_rules": reconciliation_table(
            _published_or_shipped(build, "reconciliation", ReconciliationDocument, plan.to_seq)
        ),
        "journey_stages": journeys.stages_table(journey),
        "journey_rules": journeys.rules_table(journey),
        "journey_limits": journeys.limits_table(journey),
        "identity_rules": rules_table(registry),
        "identity_limits": limits_table(registry),
        "engagement_rules": engagement_table(
            _published_or_shipped(build, "engagement", EngagementDocument, plan.to_seq), plan.as_of
        ),
        "interaction_kinds": kinds_table(),
        **rule_tables(customer),
        "custom_values": custom_values(warehouse.inputs, customer, build.workspace.settings.timezone),
    }
    for table, frame in tables.items():
        warehouse.write_input(table, frame)
    basis = increments.begin(warehouse, lake, plan, [*tables], why_whole=build.why_whole)
    require_whole(lake, plan.to_seq, since=int(basis.before.rpartition("/")[2]) if basis.before else 0)
    counts = {"run": 1, "lake_batches": plan.to_seq} | {table: frame.height for table, frame in tables.items()}
    for dataset in CONTRACTS:
        yield dg.MaterializeResult(asset_key=["lake", dataset], metadata={"files": files[dataset]})
    told = {"run": {"goes_on_from": basis.before or "nothing", "built_whole_because": basis.reason}}
    for table, rows in counts.items():
        metadata: dict[str, int | str] = {"rows": rows, "run": plan.key, **told.get(table, {})}
        yield dg.MaterializeResult(asset_key=["lake", table], metadata=metadata)


def _published_or_shipped(build: Build, kind: str, type_: type[D], to_seq: int) -> D:
    """A run of before there was such a document takes the one of the rulebooks folder."""
    lake, rulebooks = build.workspace.lake, build.workspace.settings.rulebooks
    if lake.files("documents", kind, to_seq):
        return published(lake, kind, type_, to_seq)
    return type_.load(rulebooks / f"{kind}.yaml")
