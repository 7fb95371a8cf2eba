{{ config(materialized='incremental_by_key', by=['line_id']) }}
{{ touched([
    changed(ref('order_lines'), ['order_line_id']),
    changed(ref('refunds'), ['refund_line_id']),
    changed(ref('settlement_refund_positions'), ['refund_line_id']),
    meets_changed(ref('refunds'), ['refund_line_id'], ref('order_lines'), ['order_line_id']),
    meets_changed(ref('order_lines'), ['order_line_id'], ref('stores'), ['store_id']),
    meets_changed(ref('order_lines'), ['order_line_id'], ref('store_periods'), ['store_id']),
    meets_changed(ref('refunds'), ['refund_line_id'], ref('store_periods'), ['store_id']),
]) }}
-- Grain: posting_id. Everything that is split by a rule's rates: sold lines, refunds without a known line, and the part
-- of a refund above what its line still holds. The economic date is the store's civil day of payment (of ordering, when
-- no payment time is known) or of the refund; the store is what it was on that day.
with order_lines as (
    select * from {{ ref('order_lines') }}
),

refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.refund_line_id']) }}
),

refund_positions as (
    select * from {{ ref('settlement_refund_positions') }}
),

stores as (
    select * from {{ ref('stores') }}
),

places as (
    select
        store_id,
        country,
        region,
        city,
        store_type,
        business_type,
        case when store_type = 'online' then 'online' else 'offline' end as channel,
        agent_id as agent,
        valid_from,
        valid_to
    from {{ ref('store_periods') }}
),

sales as (
    select
        'SALE:' || order_lines.order_line_id as posting_id,
        'SALE' as posting,
        order_lines.order_line_id as line_id,
        cast(null as string) as original_line_id,
        order_lines.order_key,
        order_lines.store_id,
        cast(null as string) as link_state,
        order_lines.salesperson_id,
        order_lines.currency,
        order_lines.line_no,
        order_lines.paid_amount as base_amount,
        order_lines.quantity,
        {{ local_date('order_lines.sold_at', 'stores.timezone') }} as economic_date,
        order_lines.sold_at as happened_at
    from order_lines
    {{ only_touched(['order_lines.order_line_id']) }}
    inner join stores
        on order_lines.store_id = stores.store_id
    where order_lines.is_sale
),

unlinked_refunds as (
    select
        'REFUND:' || refund_line_id as posting_id,
        'REFUND' as posting,
        refund_line_id as line_id,
        cast(null as string) as original_line_id,
        order_key,
        store_id,
        'UNLINKED' as link_state,
        cast(null as string) as salesperson_id,
        currency,
        cast(null as string) as line_no,
        -refund_amount as base_amount,
        cast(0 as decimal(18, 3)) as quantity,
        refunded_on as economic_date,
        refunded_at as happened_at
    from refunds
    where link_state <> 'LINKED'
),

excess_refunds as (
    select
        'REFUND:' || refunds.refund_line_id || ':EXCESS' as posting_id,
        'REFUND' as posting,
        refunds.refund_line_id as line_id,
        refunds.order_line_id as original_line_id,
        refunds.order_key,
        refunds.store_id,
        'EXCESS' as link_state,
        order_lines.salesperson_id,
        refunds.currency,
        cast(null as string) as line_no,
        -refund_positions.excess_amount as base_amount,
        cast(0 as decimal(18, 3)) as quantity,
        refunds.refunded_on as economic_date,
        refunds.refunded_at as happened_at
    from refunds
    inner join refund_positions
        on refunds.refund_line_id = refund_positions.refund_line_id
    inner join order_lines
        on refunds.order_line_id = order_lines.order_line_id
    where refund_positions.excess_amount > 0 or refund_positions.remaining_amount = 0
),

all_postings as (
    select * from sales
    union all
    select * from unlinked_refunds
    union all
    select * from excess_refunds
),

final as (
    select
        all_postings.posting_id,
        all_postings.posting,
        all_postings.line_id,
        all_postings.original_line_id,
        all_postings.order_key,
        all_postings.line_no,
        all_postings.store_id,
        places.country,
        places.region,
        places.city,
        places.store_type,
        places.business_type,
        places.channel,
        places.agent,
        all_postings.link_state,
        all_postings.salesperson_id,
        all_postings.currency,
        all_postings.quantity,
        all_postings.base_amount,
        all_postings.economic_date,
        all_postings.happened_at
    from all_postings
    inner join places
        on all_postings.store_id = places.store_id
        and places.valid_from <= all_postings.economic_date
        and all_postings.economic_date < places.valid_to
)

select * from final
