-- Refunds on the day of acceptance, in the store's civil time.
with refunds as (
    select * from {{ ref('refunds') }}
),

stores as (
    select * from {{ ref('stores') }}
),

days as (
    select
        refunds.refunded_on as metric_date,
        refunds.store_id,
        stores.region,
        {{ sales_channel('stores.store_type') }} as channel,
        refunds.currency,
        count(*) as refunds,
        sum(refunds.refund_amount) as refunded_amount
    from refunds
    inner join stores on refunds.store_id = stores.store_id
    group by refunds.refunded_on, refunds.store_id, stores.region, stores.store_type, refunds.currency
),

metric_days as (
    {{ one_row_a_metric('days', ['refunds', 'refunded_amount'], ['store_id', 'region', 'channel']) }}
)

select * from metric_days
