-- Nothing is lost between staging and facts: the same lines, the same orders, the same money by currency.
with staged as (
    select
        currency,
        count(*) as lines_count,
        count(distinct order_key) as orders_count,
        sum(case when is_sale then paid_amount else 0 end) as paid_amount
    from {{ ref('stg_channels__order_lines') }}
    group by currency
),

facts as (
    select
        order_lines.currency,
        count(*) as lines_count,
        count(distinct orders.order_key) as orders_count,
        sum(case when order_lines.is_sale then order_lines.paid_amount else 0 end) as paid_amount
    from {{ ref('order_lines') }} as order_lines
    inner join {{ ref('orders') }} as orders on order_lines.order_key = orders.order_key
    group by order_lines.currency
)

select * from staged
except
select * from facts
