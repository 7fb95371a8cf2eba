{{ config(materialized='incremental_by_key', by=['sold_line_id']) }}
{{ touched([
    changed(ref('settlement_postings'), ['coalesce(original_line_id, line_id)']),
    changed(ref('order_lines'), ['order_line_id']),
    changed(ref('settlement_line_points'), ['order_line_id']),
    meets_changed(ref('order_lines'), ['order_line_id'], ref('stg_files__products'), ['product_id']),
]) }}
-- Grain: posting_id. What of a fact is not money of the parties: what its points are worth, and its tax, by the rate of its country, taxpayer, category and
-- day, of all that was paid and of what was paid in cash; null where none holds. Inclusive: base x t / (1 + t); else base x t; half up, in whole rounding units.
with postings as (
    select posted.* from {{ ref('settlement_postings') }} as posted
    {{ only_touched(['coalesce(posted.original_line_id, posted.line_id)']) }}
),

order_lines as (
    select
        lines.order_line_id,
        lines.product_id
    from {{ ref('order_lines') }} as lines
    {{ only_touched(['lines.order_line_id']) }}
),

points as (
    select line.* from {{ ref('settlement_line_points') }} as line
    {{ only_touched(['line.order_line_id']) }}
),

products as (
    select * from {{ ref('stg_files__products') }}
),

rates as (
    select * from {{ source('lake', 'settlement_tax_rates') }}
),

categories as (
    select distinct category from rates
),

taxpayers as (
    select * from {{ source('lake', 'settlement_taxpayers') }}
),

described as (
    select
        postings.posting_id,
        coalesce(postings.original_line_id, postings.line_id) as sold_line_id,
        coalesce(postings.country, '') as country,
        coalesce(taxpayers.taxpayer, 'general') as taxpayer,
        coalesce(categories.category, '*') as category,
        postings.base_amount,
        coalesce(points.points_amount, 0) as points_amount,
        postings.economic_date
    from postings
    left join order_lines
        on coalesce(postings.original_line_id, postings.line_id) = order_lines.order_line_id
    left join points
        on postings.line_id = points.order_line_id
        and postings.posting = 'SALE'
    left join products
        on order_lines.product_id = products.product_id
    left join categories
        on products.tax_category = categories.category
    left join taxpayers
        on postings.store_id = taxpayers.store_id
),

rated as (
    select
        described.posting_id,
        described.sold_line_id,
        described.base_amount,
        described.points_amount,
        rates.tax_id,
        rates.tax_ppm,
        rates.rounding_unit,
        rates.is_inclusive,
        (case when rates.is_inclusive then 1000000 + rates.tax_ppm else 1000000 end) * rates.rounding_unit as divisor
    from described
    left join rates
        on described.country = rates.country
        and described.taxpayer = rates.taxpayer
        and described.category = rates.category
        and described.economic_date >= rates.valid_from
        and described.economic_date < coalesce(rates.valid_to, cast('9999-12-31' as date))
),

final as (
    select
        posting_id,
        sold_line_id,
        tax_id,
        tax_ppm,
        points_amount,
        {{ half_up('cast(base_amount as ' ~ wide_integer() ~ ') * tax_ppm', 'divisor') }} * rounding_unit as tax_amount,
        {{ half_up('cast(base_amount - points_amount as ' ~ wide_integer() ~ ') * tax_ppm', 'divisor') }} * rounding_unit as cash_tax_amount,
        is_inclusive
    from rated
)

select * from final
