-- Sums of the contributions of lines by month, store and one thing more: the store itself, its channel, or the product. Rows of
-- one kind hold every contribution once.
with contributions as (
    select * from {{ ref('order_line_contributions') }}
),

by_product as (
    select
        substr(cast(posted_on as string), 1, 7) as period,
        store_id,
        channel,
        coalesce(product_id, 'unknown') as product_id,
        currency,
        component,
        sum(amount) as amount,
        sum(covered_amount) as covered_amount,
        sum(covered_line) as covered_lines,
        count(*) as lines_count
    from contributions
    group by substr(cast(posted_on as string), 1, 7), store_id, channel, coalesce(product_id, 'unknown'), currency, component
),

by_dimension as (
    select period, store_id, 'product' as dimension_kind, product_id as dimension_id, currency, component,
        amount, covered_amount, covered_lines, lines_count
    from by_product
    union all
    select period, store_id, 'store' as dimension_kind, store_id as dimension_id, currency, component,
        amount, covered_amount, covered_lines, lines_count
    from by_product
    union all
    select period, store_id, 'channel' as dimension_kind, channel as dimension_id, currency, component,
        amount, covered_amount, covered_lines, lines_count
    from by_product
),

contribution_totals as (
    select
        period,
        store_id,
        dimension_kind,
        dimension_id,
        currency,
        component,
        cast(sum(amount) as bigint) as amount,
        cast(sum(covered_amount) as bigint) as covered_amount,
        cast(sum(covered_lines) as bigint) as covered_lines,
        cast(sum(lines_count) as bigint) as lines_count
    from by_dimension
    group by period, store_id, dimension_kind, dimension_id, currency, component
)

select * from contribution_totals
