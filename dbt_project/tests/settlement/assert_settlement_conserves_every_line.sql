{{ config(tags=['facts']) }}
-- I1: each sold line and each refund is settled, once, and its entries sum to its amount, to the cent. (Transfers add nothing:
-- assert_settlement_transfers_sum_to_zero.)
-- Facts are taken from the commerce models, so a line that settlement lost is found too.
with facts as (
    select
        'SALE' as posting,
        order_line_id as line_id,
        currency,
        paid_amount as amount
    from {{ ref('order_lines') }}
    where is_sale
    union all
    select
        'REFUND' as posting,
        refund_line_id as line_id,
        currency,
        -refund_amount as amount
    from {{ ref('refunds') }}
),

settled as (
    select
        posting,
        line_id,
        currency,
        cast(sum(amount) as bigint) as amount
    from {{ ref('settlement_entries') }}
    group by posting, line_id, currency
)

select
    coalesce(facts.posting, settled.posting) as posting,
    coalesce(facts.line_id, settled.line_id) as line_id,
    facts.amount as fact_amount,
    settled.amount as settled_amount
from facts
full outer join settled
    on facts.posting = settled.posting
    and facts.line_id = settled.line_id
    and facts.currency = settled.currency
where facts.amount is null or settled.amount is null or facts.amount <> settled.amount
