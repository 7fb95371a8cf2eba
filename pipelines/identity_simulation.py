"""A draft of the identity registry on the whole history: what it would change, before it is published.

It reads the last promoted warehouse and writes nothing but its scratch folder.
"""

from pathlib import Path

import duckdb
import polars as pl

from models.documents.identity import IdentityRegistry
from models.errors import ExpectedError
from models.identity.clusters import LIKELY
from models.identity.decisions import said, unheard
from models.identity.observing import observe
from models.identity.resolving import Known, who_is_who
from models.identity.scoring import MatchModel
from models.identity.simulation import ORDERS_SCHEMA, Difference, compare
from models.settings import Settings
from pipelines.identity_decisions import Decisions, decisions_in
from pipelines.linking import Linker
from pipelines.trained import IDENTITY_MATCHING
from pipelines.warehouse import ENGINE_CONFIG, INPUTS, attach, read_input, read_table
from pipelines.workspace import Workspace

LINK = ["left_persona", "right_persona", "rule", "refusal"]
# An order is of whom its first persona is that is somebody: as the model record_customers decides it.
_ORDERS = """
    select
        orders.order_key,
        orders.currency,
        orders.customer_id as before,
        min_by(
            customers.customer_id,
            coalesce(cast(records.observed_at as varchar), '') || lpad(cast(records.persona_id as varchar), 19, '0')
        ) as after,
        any_value(orders.paid_amount - orders.refunded_amount) as amount
    from built.orders as orders
    left join built.identity_records as records on records.record_id = 'orders:' || orders.order_key
    left join customers on customers.persona_id = records.persona_id
    where orders.is_sale
    group by orders.order_key, orders.currency, orders.customer_id
"""


class NothingToCompareError(ExpectedError):
    """No run was promoted yet: there are no customers beside which a draft could be held."""


def simulate(settings: Settings, draft: IdentityRegistry, scratch: Path) -> Difference:
    """Customers of the last promoted run beside those that ``draft`` would make of the same records.

    What people decided holds, and who is likely one person is asked anew, of the run's model when it fits the draft.
    ``scratch``: a folder that is emptied; what dbt parsed stays in it for the next time. Raises NothingToCompareError.
    """
    folder = settings.promoted_dir
    if not (folder / INPUTS).exists():
        raise NothingToCompareError("no run was promoted yet; `scrm run` first, then try a draft beside it")
    people = decisions_in(folder)
    observations = _observed(folder, draft, people)
    links = Linker(scratch).link(observations, draft)
    heard = said(people.ledger, observations, people.records, draft)
    known = Known(
        read_table(folder, "personas"),
        observations,
        links.refused,
        links.edges,
        links.contested,
        _decided(folder),
        heard,
    )
    workspace = Workspace(settings)
    answer = who_is_who(known, draft, workspace.id_key, _model(workspace, draft))
    found = answer.resolution.customers
    today = pl.concat([read_table(folder, "identity_edges").select(LINK), _likely(folder).select(LINK)])
    return compare(
        read_input(folder, "persona_customers"), found, orders_after(folder, found), today, answer.edges.select(LINK)
    )


def _model(workspace: Workspace, draft: IdentityRegistry) -> MatchModel | None:
    """The newest model of the lake when it was learned for what the draft compares; else the draft learns its own."""
    known = workspace.lake.files("artifacts", IDENTITY_MATCHING)
    if not known or draft.matching is None:
        return None
    entry, file = known[-1]
    if entry.details["document_version"] != draft.matching.version:
        return None
    return MatchModel.from_json(workspace.lake.content(file).decode())


def _likely(folder: Path) -> pl.DataFrame:
    """What the last run found likely, as links."""
    found = read_input(folder, "identity_likely").filter(pl.col("decision") == "linked")
    return found.select("left_persona", "right_persona", rule=pl.lit(LIKELY), refusal=pl.lit(None, pl.String))


def _observed(folder: Path, draft: IdentityRegistry, people: Decisions) -> pl.DataFrame:
    found = observe(read_table(folder, "personas"), read_table(folder, "company_phones")["phone"], draft)
    elsewhere = unheard(people.ledger, found, people.records, draft)
    return found.join(elsewhere, on=elsewhere.columns, how="anti")


def _decided(folder: Path) -> pl.DataFrame:
    """identifier_type, identifier, customer_id, seq: what was decided before the promoted run, and by it."""
    columns = ["identifier_type", "identifier", "customer_id"]
    batches = read_input(folder, "lake_batches").select("batch", "seq")
    earlier = read_input(folder, "customer_ids").join(batches, left_on="_batch", right_on="batch")
    newest = pl.read_parquet(folder / "outcomes" / "customer_ids.parquet")
    last = (batches["seq"].max() or 0) + 1  # type: ignore[operator]
    return pl.concat([earlier.select(*columns, "seq"), newest.select(*columns, seq=pl.lit(last, pl.Int64))])


def orders_after(folder: Path, customers: pl.DataFrame) -> pl.DataFrame:
    """Sold orders of a warehouse folder, with whose they are and would be: ORDERS_SCHEMA. customers: persona_id,
    customer_id, as the draft has them."""
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, folder, "built")
        connection.register("customers", customers.to_arrow())
        found: pl.DataFrame = connection.sql(_ORDERS).pl()
    return found.select(pl.col(name).cast(dtype) for name, dtype in ORDERS_SCHEMA.items())
