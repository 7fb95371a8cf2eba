-- Refunds on the day of acceptance, in the store's civil time.
with refunds as (
    select * from {{ ref('refunds') }}
),

store_periods as (
    select * from {{ ref('store_periods') }}
),

days as (
    select
        refunds.refunded_on as metric_date,
        refunds.store_id,
        places.region,
        {{ sales_channel('places.store_type') }} as channel,
        refunds.currency,
        count(*) as refunds,
        sum(refunds.refund_amount) as refunded_amount
    from refunds
    inner join store_periods as places
        on refunds.store_id = places.store_id
        and places.valid_from <= refunds.refunded_on
        and refunds.refunded_on < places.valid_to
    group by refunds.refunded_on, refunds.store_id, places.region, places.store_type, refunds.currency
),

metric_days as (
    {{ one_row_a_metric('days', ['refunds', 'refunded_amount'], ['store_id', 'region', 'channel']) }}
)

select * from metric_days
