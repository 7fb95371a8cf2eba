"""The payout plan of a period: payable balances of its statements, order by order, against the payments on bills."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from models.documents.payouts import PayoutDocument
from models.money import exponent, to_major
from models.settlement.payouts import Due, Offline, Payment, Plan, allotted, plan, together
from models.settlement.periods import Period
from models.settlement.statements import CONTRA
from pipelines.documents import published
from pipelines.plan import RunPlan
from pipelines.statements import OfPeriod, statements_of
from pipelines.warehouse import ENGINE_CONFIG, attach
from pipelines.workspace import Workspace

COLUMNS = (
    *("route", "out_order_no", "channel", "transaction_id", "order_key", "party_id", "receiver_type"),
    *("receiver_account", "currency", "amount", "reason", "not_before", "is_last"),
)
#: Payments of orders at channels. An order's number that two stores use says nothing without a store.
PAYMENTS = """
    with numbered as (
        select order_id, any_value(order_key) as order_key from built.orders group by order_id having count(*) = 1
    ),
    given_back as (
        select channel, transaction_id, sum(abs(amount))::bigint as refunded
        from built.stg_bills__payment_lines where kind <> 'payment' group by all
    ),
    split as (
        select channel, transaction_id, -sum(amount)::bigint as split,
            count(distinct case when amount < 0 then split_id end)::bigint as requests
        from built.stg_bills__split_lines group by all
    )
    select
        coalesce(of_store.order_key, numbered.order_key) as order_key, paid.channel, paid.transaction_id,
        paid.occurred_at as paid_at, coalesce(paid.order_amount, paid.amount) as amount,
        abs(coalesce(paid.fee_amount, 0)) as fee, coalesce(given_back.refunded, 0) as refunded,
        coalesce(split.split, 0) as split, coalesce(split.requests, 0) as requests, paid.currency
    from built.stg_bills__payment_lines as paid
    left join built.orders as of_store on paid.order_id = of_store.order_id and paid.store_id = of_store.store_id
    left join numbered on paid.order_id = numbered.order_id
    left join given_back on paid.channel = given_back.channel and paid.transaction_id = given_back.transaction_id
    left join split on paid.channel = split.channel and paid.transaction_id = split.transaction_id
    where paid.kind = 'payment' and paid.occurrence = 1 and coalesce(of_store.order_key, numbered.order_key) is not null
    order by order_key, paid.occurred_at, paid.transaction_id
"""


@dataclass(frozen=True)
class Payouts:
    """The plan, and when it was made (naive UTC): the moment of the run, the same whenever it is asked."""

    plan: Plan
    at: datetime


def payouts_of(workspace: Workspace, period: Period) -> Payouts:
    """The plan of all payable balances of a period. Raises NoStatementError when it has no statement."""
    found = statements_of(workspace, period)
    run = RunPlan.read(workspace.warehouse.promoted)
    document = published(workspace.lake, "payouts", PayoutDocument, run.to_seq)
    with duckdb.connect(config=ENGINE_CONFIG) as connection:
        attach(connection, workspace.warehouse.promoted, "built")
        rows = connection.sql(PAYMENTS).pl().to_dicts()
    return Payouts(planned(found, [Payment(**row) for row in rows], document, run.as_of), run.as_of)


def planned(found: OfPeriod, payments: Iterable[Payment], document: PayoutDocument, now: datetime) -> Plan:
    """What the statements say is payable, divided over the orders of the period and planned order by order.

    An order that was paid in several parts is settled by its largest one.
    """
    by_order: dict[tuple[str, str], Payment] = {}
    for payment in payments:
        known = by_order.get((payment.order_key, payment.currency))
        if known is None or payment.amount > known.amount:
            by_order[payment.order_key, payment.currency] = payment
    of_orders: dict[tuple[str, str], list[Due]] = defaultdict(list)
    plans = []
    collectors = {limits.collector for limits in document.channels.values()}
    for statement, dues in _dues(found):
        party, currency = statement["party_id"], statement["currency"]
        if party in collectors:  # nobody pays itself
            continue
        shares, offline = allotted(statement["payable"], dues, currency, party)
        plans.append(Plan((), tuple(offline)))
        for share in shares:
            of_orders[share.party_id, currency].append(Due(party, share.amount))
    for (order_key, currency), due in sorted(of_orders.items()):
        if payment_of := by_order.get((order_key, currency)):
            plans.append(plan(payment_of, due, document, now))
        else:
            unpaid = (Offline(order_key, one.party_id, one.amount, currency, "no_payment") for one in due)
            plans.append(Plan((), tuple(unpaid)))
    return together(plans)


def _dues(found: OfPeriod) -> Iterator[tuple[Mapping[str, Any], list[Due]]]:
    """Each payable statement with what its party got of each order of the period."""
    moved = found.rows.filter(~pl.col("component").is_in([*CONTRA, "payment"]), pl.col("order_key").is_not_null())
    sums = moved.group_by("party_id", "currency", "order_key").agg(pl.col("amount").sum())
    by_party: dict[tuple[str, str], list[Due]] = defaultdict(list)
    for party, currency, order_key, amount in sums.iter_rows():
        by_party[party, currency].append(Due(order_key, amount))
    for statement in found.statements.filter(pl.col("payable") > 0).sort("party_id", "currency").to_dicts():
        yield statement, by_party[statement["party_id"], statement["currency"]]


def payouts_csv(found: Plan) -> bytes:
    """The plan as CSV: UTF-8, LF, plain decimals, times in UTC."""
    rows = [
        {
            **{name: getattr(one, name) for name in COLUMNS if hasattr(one, name) and name != "is_last"},
            "route": "channel",
            "amount": _plain(one.amount, one.currency),
            "is_last": str(one.is_last).lower(),
            "not_before": f"{one.not_before.isoformat()}Z",
        }
        for one in found.instructions
    ]
    rows += [
        {**{name: getattr(one, name) for name in COLUMNS if hasattr(one, name)}, "route": "offline"}
        | {"amount": _plain(one.amount, one.currency)}
        for one in found.offline
    ]
    schema = dict.fromkeys(COLUMNS, pl.String())
    cells = [{name: str(row[name]) if row.get(name) else None for name in COLUMNS} for row in rows]
    return pl.DataFrame(cells, schema=schema).write_csv(line_terminator="\n").encode()


def _plain(amount: int, currency: str) -> str:
    return f"{to_major(amount, currency):.{exponent(currency)}f}"
