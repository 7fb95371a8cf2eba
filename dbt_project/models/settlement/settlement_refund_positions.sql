{{ config(materialized='incremental_by_key', by=['order_line_id']) }}
{{ touched([
    changed(ref('refunds'), ['order_line_id']),
    changed(ref('order_lines'), ['order_line_id']),
]) }}
-- Grain: refund_line_id. Where each refund stands among the refunds of its line, and how much of it the line still holds.
-- Refunds of a line are taken in (refunded_at, refund_line_id) order. What is in another currency than the line, or
-- names a line that was no sale, finds nothing left: the whole refund is excess.
with refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.order_line_id']) }}
),

sold_lines as (
    select
        lines.order_line_id,
        lines.currency,
        lines.paid_amount
    from {{ ref('order_lines') }} as lines
    {{ only_touched(['lines.order_line_id']) }}
    where lines.is_sale
),

linked_refunds as (
    select
        refunds.refund_line_id,
        refunds.order_line_id,
        refunds.refund_amount,
        coalesce(sold_lines.paid_amount, 0) as sold_amount,
        row_number() over (
            partition by refunds.order_line_id, refunds.currency
            order by refunds.refunded_at, refunds.refund_line_id
        ) as ordinal,
        cast(coalesce(sum(refunds.refund_amount) over (
            partition by refunds.order_line_id, refunds.currency
            order by refunds.refunded_at, refunds.refund_line_id
            rows between unbounded preceding and 1 preceding
        ), 0) as bigint) as refunded_before
    from refunds
    left join sold_lines
        on refunds.order_line_id = sold_lines.order_line_id
        and refunds.currency = sold_lines.currency
    where refunds.link_state = 'LINKED'
),

final as (
    select
        refund_line_id,
        order_line_id,
        cast(ordinal as int) as ordinal,
        refund_amount,
        greatest(sold_amount - refunded_before, 0) as remaining_amount,
        least(refund_amount, greatest(sold_amount - refunded_before, 0)) as linked_amount,
        refund_amount - least(refund_amount, greatest(sold_amount - refunded_before, 0)) as excess_amount
    from linked_refunds
)

select * from final
