-- Features of a cut-off see only events before it; the label sees only the window after it (docs/features.md).
-- Running counts and sums of a customer's sales are fixed by the sales up to each one, so what was known at a cut-off is
-- read from the last sale before it.
with cutoffs as (
    select * from {{ source('lake', 'churn_cutoffs') }}
),

orders as (
    select * from {{ ref('orders') }}
),

order_lines as (
    select * from {{ ref('order_lines') }}
),

stores as (
    select * from {{ ref('stores') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

sales as (
    select
        orders.customer_id,
        orders.order_key,
        orders.store_id,
        case when stores.store_type = 'online' then 1 else 0 end as is_online,
        orders.currency,
        orders.paid_amount,
        orders.sold_at,
        {{ epoch_seconds('orders.sold_at') }} as sold_second,
        row_number() over (partition by orders.customer_id order by orders.sold_at, orders.order_key) as sale_number
    from orders
    inner join stores on orders.store_id = stores.store_id
    where orders.is_sale and orders.customer_id is not null
),

-- Minutes, so that the sum of squares stays an exact integer whatever the order of adding.
gaps as (
    select
        *,
        min(sold_second) over (partition by customer_id) as first_second,
        cast(floor(cast(sold_second - lag(sold_second) over (partition by customer_id order by sale_number) as double) / 60) as bigint)
            as gap_minutes
    from sales
),

running as (
    select
        *,
        cast(sum(gap_minutes * gap_minutes) over (
            partition by customer_id order by sale_number rows between unbounded preceding and current row
        ) as double) as gap_squares,
        cast(sum(gap_minutes) over (
            partition by customer_id order by sale_number rows between unbounded preceding and current row
        ) as double) as gap_sum,
        cast(sum(paid_amount) over (
            partition by customer_id, currency order by sale_number rows between unbounded preceding and current row
        ) as double) as amount_sum,
        count(paid_amount) over (
            partition by customer_id, currency order by sale_number rows between unbounded preceding and current row
        ) as amounts_count
    from gaps
),

windows as (
    select
        cutoffs.as_of,
        sales.customer_id,
        max(case when sales.sold_at < cutoffs.as_of then sales.sale_number end) as last_sale_number,
        count(case when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.active_since then 1 end) as active_orders,
        count(case when sales.sold_at >= cutoffs.as_of then 1 end) as later_orders,
        count(case when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 30 days then 1 end) as orders_30,
        count(case when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 90 days then 1 end) as orders_90,
        count(case when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 180 days then 1 end) as orders_180,
        count(case when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 365 days then 1 end) as orders_365,
        count(distinct case
            when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 360 days
                then floor(cast({{ epoch_seconds('cutoffs.as_of') }} - sales.sold_second - 1 as double) / 2592000)
        end) as active_months_365,
        count(distinct case
            when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 180 days then sales.store_id
        end) as stores_180,
        sum(case
            when sales.sold_at < cutoffs.as_of and sales.sold_at >= cutoffs.as_of - interval 180 days then sales.is_online
        end) as online_orders_180
    from sales
    inner join cutoffs on sales.sold_at < cutoffs.label_until
    group by cutoffs.as_of, sales.customer_id
),

lines as (
    select
        customer_id,
        product_id,
        cast(round(cast(discount as double) * 1000000 / nullif(paid_amount + discount, 0)) as bigint) as discount_ppm,
        sold_at
    from order_lines
    where is_sale and customer_id is not null
),

line_windows as (
    select
        cutoffs.as_of,
        lines.customer_id,
        count(*) as lines_180,
        count(distinct lines.product_id) as products_180,
        cast(sum(lines.discount_ppm) as double) as discount_ppm_sum,
        count(lines.discount_ppm) as priced_lines
    from lines
    inner join cutoffs
        on lines.sold_at < cutoffs.as_of
        and lines.sold_at >= cutoffs.as_of - interval 180 days
    group by cutoffs.as_of, lines.customer_id
),

refund_windows as (
    select
        cutoffs.as_of,
        refunds.customer_id,
        count(*) as refunds_180
    from refunds
    inner join cutoffs
        on refunds.refunded_at < cutoffs.as_of
        and refunds.refunded_at >= cutoffs.as_of - interval 180 days
    where refunds.customer_id is not null
    group by cutoffs.as_of, refunds.customer_id
),

contact_windows as (
    select
        cutoffs.as_of,
        identifiers.customer_id,
        max(follows.followed_at) as last_followed_at
    from follows
    inner join identifiers
        on follows.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
    inner join cutoffs on follows.followed_at < cutoffs.as_of
    group by cutoffs.as_of, identifiers.customer_id
),

measured as (
    select
        windows.*,
        cutoffs.is_scoring,
        cutoffs.is_labelled,
        cutoffs.cutoff_date,
        cast({{ epoch_seconds('windows.as_of') }} - running.sold_second as double) / 86400 as recency_days,
        cast({{ epoch_seconds('windows.as_of') }} - running.first_second as double) / 86400 as tenure_days,
        running.gap_sum / nullif(running.sale_number - 1, 0) / 1440 as mean_gap_days,
        case
            when running.sale_number > 2
                then sqrt(
                    greatest(running.gap_squares * (running.sale_number - 1) - running.gap_sum * running.gap_sum, 0)
                    / ((running.sale_number - 1) * (running.sale_number - 2))
                ) / 1440
        end as gap_sd_days,
        running.paid_amount * running.amounts_count / nullif(running.amount_sum, 0) as last_order_ratio,
        line_windows.lines_180,
        coalesce(line_windows.products_180, 0) as products_180,
        line_windows.discount_ppm_sum / nullif(line_windows.priced_lines, 0) / 1000000 as discount_share_180,
        coalesce(refund_windows.refunds_180, 0) as refunds_180,
        case when contact_windows.customer_id is not null then 1 else 0 end as is_contact,
        cast({{ epoch_seconds('windows.as_of') }} - {{ epoch_seconds('contact_windows.last_followed_at') }} as double) / 86400
            as contact_age_days
    from windows
    inner join cutoffs on windows.as_of = cutoffs.as_of
    inner join running
        on windows.customer_id = running.customer_id
        and windows.last_sale_number = running.sale_number
    left join line_windows
        on windows.customer_id = line_windows.customer_id
        and windows.as_of = line_windows.as_of
    left join refund_windows
        on windows.customer_id = refund_windows.customer_id
        and windows.as_of = refund_windows.as_of
    left join contact_windows
        on windows.customer_id = contact_windows.customer_id
        and windows.as_of = contact_windows.as_of
    where windows.active_orders > 0
),

churn_examples as (
    select
        customer_id,
        {{ six_places('recency_days') }} as recency_days,
        {{ six_places('tenure_days') }} as tenure_days,
        cast(orders_30 as double) as orders_30,
        cast(orders_90 as double) as orders_90,
        cast(orders_180 as double) as orders_180,
        cast(orders_365 as double) as orders_365,
        cast(last_sale_number as double) as orders_total,
        cast(active_months_365 as double) as active_months_365,
        {{ six_places('mean_gap_days') }} as mean_gap_days,
        {{ six_places('gap_sd_days') }} as gap_sd_days,
        case
            when mean_gap_days is not null then {{ six_places('recency_days / greatest(mean_gap_days, cast(1 as double))') }}
        end as recency_to_gap,
        {{ six_places('cast(lines_180 as double) / nullif(orders_180, 0)') }} as lines_per_order_180,
        cast(products_180 as double) as products_180,
        cast(stores_180 as double) as stores_180,
        {{ six_places('cast(online_orders_180 as double) / nullif(orders_180, 0)') }} as online_share_180,
        {{ six_places('discount_share_180') }} as discount_share_180,
        {{ six_places('last_order_ratio') }} as last_order_ratio,
        cast(refunds_180 as double) as refunds_180,
        {{ six_places('cast(refunds_180 as double) / lines_180') }} as refund_ratio_180,
        cast(is_contact as double) as is_contact,
        {{ six_places('contact_age_days') }} as contact_age_days,
        is_scoring,
        case when is_labelled then later_orders = 0 end as churned,
        cutoff_date,
        as_of
    from measured
)

select * from churn_examples
