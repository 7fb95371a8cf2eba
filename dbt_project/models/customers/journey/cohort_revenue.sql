-- What a cohort spends so many months after it began, by currency: sales in the month of payment, refunds in that of their acceptance.
-- What was given back before the first sale that is known belongs to no cohort.
with members as (
    select * from {{ ref('cohort_members') }}
),

order_lines as (
    select * from {{ ref('order_lines') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

stores as (
    select * from {{ ref('stores') }}
),

facts as (
    select
        customer_id,
        store_id,
        currency,
        sold_at as happened_at,
        paid_amount,
        cast(0 as bigint) as refunded_amount
    from order_lines
    where is_sale and customer_id is not null
    union all
    select
        customer_id,
        store_id,
        currency,
        refunded_at as happened_at,
        cast(0 as bigint) as paid_amount,
        refund_amount as refunded_amount
    from refunds
    where customer_id is not null
),

months as (
    select
        facts.customer_id,
        facts.store_id,
        facts.currency,
        {{ month_of(local_date('facts.happened_at', 'stores.timezone')) }} as month,
        cast(sum(facts.paid_amount) as bigint) as paid_amount,
        cast(sum(facts.refunded_amount) as bigint) as refunded_amount
    from facts
    inner join stores on facts.store_id = stores.store_id
    group by 1, 2, 3, 4
),

cohort_revenue as (
    select
        members.store_id,
        members.channel,
        members.cohort_month,
        {{ months_between('members.cohort_month', 'months.month') }} as months_since,
        months.currency,
        cast(sum(months.paid_amount) as bigint) as paid_amount,
        cast(sum(months.refunded_amount) as bigint) as refunded_amount
    from members
    inner join months
        on members.customer_id = months.customer_id
        and members.store_id in (months.store_id, '*')
    where months.month >= members.cohort_month
    group by 1, 2, 3, 4, 5
)

select * from cohort_revenue
