-- The worklist: every match whose sides differ in anything. Of two currencies there is no difference in money.
with matches as (
    select * from {{ ref('reconciliation_matches') }}
),

rules as (
    select * from {{ source('lake', 'reconciliation_rules') }}
),

decisions as (
    select * from {{ ref('stg_store__reconciliation_decisions') }}
),

items as (
    select
        matches.match_id as item_id,
        matches.class,
        matches.further_class,
        matches.method,
        matches.channel,
        matches.account_id,
        matches.store_id,
        matches.kind,
        coalesce(matches.ours_currency, matches.bill_currency) as currency,
        case when matches.ours_currency <> matches.bill_currency then matches.bill_currency end as other_currency,
        matches.ours_count,
        matches.bill_count,
        matches.ours_amount,
        matches.bill_amount,
        case
            when coalesce(matches.ours_currency <> matches.bill_currency, false) then null
            else coalesce(matches.ours_amount, 0) - coalesce(matches.bill_amount, 0)
        end as difference_amount,
        matches.ours_fee,
        matches.bill_fee,
        matches.ours_fee - matches.bill_fee as fee_difference,
        matches.class <> 'TIMING' or matches.further_class is not null as needs_person,
        coalesce(matches.ours_day, matches.bill_day) as day,
        matches.ours_day,
        matches.bill_day,
        rules.rule_version
    from matches
    cross join rules
    where matches.class <> 'MATCHED'
),

-- a decision is about a difference as it was: of another one it says nothing
decided as (
    select
        items.*,
        case
            when decisions.verdict is not null then decisions.verdict
            when items.needs_person then 'open'
            else 'waiting'
        end as state,
        decisions.decision_id,
        decisions.reason,
        decisions.author,
        decisions.decided_at
    from items
    left join decisions
        on items.item_id = decisions.item_id
        and items.class = decisions.class
        and items.currency = decisions.currency
        and coalesce(items.difference_amount, 0) = coalesce(decisions.difference_amount, 0)
)

select * from decided
