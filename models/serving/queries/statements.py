"""Statements of parties: the balances of a period, what moved them by component, and the ledger's rows behind them.

Amounts are minor units of the row's ``currency``; two currencies are never in one row. A statement is of its party
(``visible_settlement_statements``), its rows are facts of stores: who sees a statement may see only some of its rows,
and ``lines_count`` of the statement says how many there are.
"""

from models.serving.query import AMOUNT, COUNT, DAY, MOST_ROWS, TEXT, Choice, Key, Limit, Parameter, Query, Skip

KINDS = ("month", "week", "day")
#: What a party is, in the order of pages: the parties of a rulebook.
PARTY_KINDS = ("hq", "store", "region", "agent", "sales", "platform", "account")

_PERIOD: dict[str, Parameter] = {"period_kind": Choice(KINDS), "period": Key()}
_STATEMENT: dict[str, Parameter] = {**_PERIOD, "party_id": Key(), "currency": Key()}
_BALANCES = dict.fromkeys(
    ("opening", "earned", "clawback", "fee", "tax", "adjustments", "paid", "closing", "payable", "carry"), AMOUNT
)

# What has no mark of its own and is no store and no region of any settled fact is a salesperson.
_OF_PERIOD = """
        of_period as (
            select
                statements.*,
                coalesce(visible_stores.name, visible_staff.name) as party_name,
                case
                    when statements.party_id = 'hq' then 'hq'
                    when prefix(statements.party_id, 'agent:') then 'agent'
                    when prefix(statements.party_id, 'platform:') then 'platform'
                    when prefix(statements.party_id, 'account:') then 'account'
                    when visible_stores.store_id is not null then 'store'
                    when statements.party_id in (select region from visible_settlement_summary) then 'region'
                    else 'sales'
                end as party_kind
            from visible_settlement_statements as statements
            left join visible_stores on visible_stores.store_id = statements.party_id
            left join visible_staff on visible_staff.userid = statements.party_id
            where statements.period_kind = $period_kind and statements.period = $period
        )
"""

# Contra legs are of parties that have no statement.
_ROWS = """
        statement_rows as (
            select ledger.*
            from visible_settlement_ledger as ledger
            join visible_settlement_statements as statements
                on statements.party_id = ledger.party_id
                and statements.currency = ledger.currency
                and ledger.posted_on between statements.starts_on and statements.ends_on
            where
                ledger.party_id = $party_id
                and ledger.currency = $currency
                and statements.period_kind = $period_kind
                and statements.period = $period
        )
"""

PERIODS = Query(
    id="settlement_statement_periods",
    sql="""
        select distinct period, starts_on, ends_on
        from visible_settlement_statements
        where period_kind = $period_kind
        order by starts_on desc
        limit $limit
    """,
    columns={"period": TEXT, "starts_on": DAY, "ends_on": DAY},
    parameters={"period_kind": Choice(KINDS), "limit": Limit(default=MOST_ROWS, most=100_000)},
)

TOTALS = Query(
    id="settlement_statement_totals",
    sql=f"""
        {_OF_PERIOD}
        select
            party_kind,
            currency,
            count(*) as statements_count,
            {", ".join(f"sum({name})::bigint as {name}" for name in _BALANCES)}
        from of_period
        group by party_kind, currency
        order by party_kind, currency
        limit $limit
    """,  # noqa: S608 - of constants above
    columns={"party_kind": TEXT, "currency": TEXT, "statements_count": COUNT, **_BALANCES},
    parameters={**_PERIOD, "limit": Limit()},
)

STATEMENTS = Query(
    id="settlement_statements",
    sql=f"""
        {_OF_PERIOD}
        select *, count(*) over () as matches_count
        from of_period
        where ($party_kind is null or party_kind = $party_kind) and ($currency is null or currency = $currency)
        order by currency, closing desc, party_id
        limit $limit
    """,  # noqa: S608 - of constants above
    columns={
        **dict.fromkeys(("party_kind", "party_id", "party_name", "currency", "state", "sha256"), TEXT),
        **_BALANCES,
        "minimum_payout": AMOUNT,
        "lines_count": COUNT,
        "matches_count": COUNT,
        "starts_on": DAY,
        "ends_on": DAY,
    },
    parameters={
        **_PERIOD,
        "party_kind": Choice(PARTY_KINDS, optional=True),
        "currency": Key(optional=True),
        "limit": Limit(default=MOST_ROWS, most=100_000),
    },
)

COMPONENTS = Query(
    id="settlement_statement_components",
    sql=f"""
        {_ROWS}
        select component, any_value(currency) as currency, sum(amount)::bigint as amount, count(*) as entries_count
        from statement_rows
        group by component
        order by component
        limit $limit
    """,  # noqa: S608 - of constants above
    columns={"component": TEXT, "currency": TEXT, "amount": AMOUNT, "entries_count": COUNT},
    parameters={**_STATEMENT, "limit": Limit()},
)

# ``matches_count``: how many there are without the limit.
ENTRIES = Query(
    id="settlement_statement_entries",
    sql=f"""
        {_ROWS},
        page as (
            select *, count(*) over () as matches_count
            from statement_rows
            where $component is null or component = $component
            order by posted_on desc, line_id, entry_id, store_id, party_role
            limit $limit
            offset $skip
        )
        select
            page.*,
            visible_order_lines.product_name
        from page
        left join visible_order_lines
            on visible_order_lines.order_line_id
            = case when page.posting = 'SALE' then page.line_id else page.original_line_id end
        order by page.posted_on desc, page.line_id, page.entry_id, page.store_id, page.party_role
    """,  # noqa: S608 - of constants above
    columns={
        **dict.fromkeys(("entry_id", "kind", "posting", "line_id", "product_name", "store_id", "component"), TEXT),
        **dict.fromkeys(("party_role", "currency", "rule_id", "rule_version"), TEXT),
        **{"amount": AMOUNT, "matches_count": COUNT, "economic_date": DAY, "posted_on": DAY},
    },
    parameters={**_STATEMENT, "component": Key(optional=True), "limit": Limit(), "skip": Skip()},
)

# What each entry of a line is in the currency of the settlement.
CONVERSIONS = Query(
    id="settlement_conversions",
    sql="""
        select entry_id, currency, settle_currency, rate_id, rate_e8, amount, settled_amount
        from visible_settlement_conversions
        where line_id = $line_id
        order by entry_id
        limit $limit
    """,
    columns={
        **dict.fromkeys(("entry_id", "currency", "settle_currency", "rate_id"), TEXT),
        **{"rate_e8": COUNT, "amount": AMOUNT, "settled_amount": AMOUNT},
    },
    parameters={"line_id": Key(), "limit": Limit()},
)

QUERIES = (PERIODS, TOTALS, STATEMENTS, COMPONENTS, ENTRIES, CONVERSIONS)
