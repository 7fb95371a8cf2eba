{{ config(tags=['facts']) }}
-- I17: opening + earned - clawback - fee - tax + adjustments - paid = closing; opening = closing of the one before; what is
-- not paid out is carried.
with statements as (
    select
        *,
        lag(closing, 1, cast(0 as bigint)) over (partition by period_kind, party_id, currency order by starts_on) as closing_before
    from {{ ref('settlement_statements') }}
)

select * from statements
where
    opening + earned - clawback - fee - tax + adjustments - paid <> closing
    or opening <> closing_before
    or payable + carry <> closing
    or payable < 0
