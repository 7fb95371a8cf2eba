"""The timeline of one customer: what happened, newest first, page by page, of one subject or of all.

What happened at one moment is told in the order of ``models.interactions.KINDS``, turned round like everything else.
"""

from datetime import datetime

import polars as pl

from models.interactions import KINDS, SUBJECTS
from models.serving.query import AMOUNT, COUNT, TEXT, TIME, Choice, Key, Limit, Moment, Query, Skip

ROWS = 50  # of a page: what a phone scrolls through

_LISTED = ", ".join(f"('{kind.kind}', '{kind.subject}', {seq})" for seq, kind in enumerate(KINDS, start=1))
_KINDS = f"kinds as (select * from (values {_LISTED}) as listed(kind, subject, kind_seq))"  # noqa: S608 - of our own

TIMELINE = Query(
    id="customer_timeline",
    sql=f"""
        {_KINDS}
        select
            visible_interactions.kind || ':' || visible_interactions.object_id as interaction_id,
            visible_interactions.kind,
            kinds.subject,
            visible_interactions.actor,
            visible_interactions.channel,
            visible_interactions.store_id,
            visible_stores.name as store_name,
            visible_staff.name as staff_name,
            visible_interactions.object_type,
            visible_interactions.object_id,
            visible_interactions.text_key,
            visible_interactions.arguments,
            visible_interactions.currency,
            visible_interactions.amount,
            visible_interactions.occurred_at
        from visible_interactions
        left join kinds on kinds.kind = visible_interactions.kind
        left join visible_stores on visible_stores.store_id = visible_interactions.store_id
        left join visible_staff on visible_staff.userid = visible_interactions.staff_id
        where
            visible_interactions.customer_id = $customer_id
            and ($subject is null or kinds.subject = $subject)
            and ($before::timestamp is null or visible_interactions.occurred_at <= $before::timestamp)
        order by
            visible_interactions.occurred_at desc, kinds.kind_seq desc, visible_interactions.object_id desc,
            -- the object can be hidden: then what is told decides
            visible_interactions.kind, visible_interactions.text_key, visible_interactions.arguments,
            visible_interactions.store_id, visible_interactions.channel, visible_interactions.currency,
            visible_interactions.amount, visible_interactions.staff_id, visible_interactions.actor
        limit $limit offset $skip
    """,  # noqa: S608 - kinds of models.interactions
    columns={
        "interaction_id": TEXT,
        "kind": TEXT,
        "subject": TEXT,
        "actor": TEXT,
        "channel": TEXT,
        "store_id": TEXT,
        "store_name": TEXT,
        "staff_name": TEXT,
        "object_type": TEXT,
        "object_id": TEXT,
        "text_key": TEXT,
        "arguments": TEXT,
        "currency": TEXT,
        "amount": AMOUNT,
        "occurred_at": TIME,
    },
    parameters={
        "customer_id": Key(),
        "subject": Choice(SUBJECTS, optional=True),
        "before": Moment(optional=True),
        "skip": Skip(),
        "limit": Limit(default=ROWS),
    },
)

SUBJECTS_OF = Query(
    id="customer_timeline_subjects",
    sql=f"""
        {_KINDS}
        select kinds.subject, count(*)::bigint as interactions_count
        from visible_interactions
        inner join kinds on kinds.kind = visible_interactions.kind
        where visible_interactions.customer_id = $customer_id
        group by kinds.subject
        order by interactions_count desc, kinds.subject
    """,  # noqa: S608 - kinds of models.interactions
    columns={"subject": TEXT, "interactions_count": COUNT},
    parameters={"customer_id": Key()},
)


def older(page: pl.DataFrame, before: datetime | None, skip: int) -> tuple[datetime, int]:
    """``before`` and ``skip`` of the page after this one, which they asked for. The page has at least one row.

    Several things can happen at one moment (a delivery of points at midnight), so the moment alone would lose rows.
    """
    last: datetime = page["occurred_at"][-1]
    told = int((page["occurred_at"] == last).sum())
    return last, told + (skip if last == before else 0)


QUERIES = (TIMELINE, SUBJECTS_OF)
