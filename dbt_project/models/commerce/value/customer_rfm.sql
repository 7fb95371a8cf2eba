-- Grain: (customer_id, currency). Recency, frequency and money of each customer in the window of the value document, and scores
-- from 1 to 5 among all customers of the currency who bought in it. A score compares (customers below + half of those alike)
-- with the limits, in whole numbers: alike means the same score, and the order of rows says nothing.
with sold_lines as (
    select * from {{ ref('sold_lines') }}
    where customer_id is not null
),

refunds as (
    select * from {{ ref('refunds') }}
    where customer_id is not null
),

value_rules as (
    select * from {{ source('lake', 'value_rules') }}
),

scales as (
    select * from {{ source('lake', 'value_scales') }}
),

boxes as (
    select * from {{ source('lake', 'value_boxes') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

customer_orders as (
    select
        customer_id,
        currency,
        order_key,
        sum(paid_amount) as paid_amount,
        min(sold_at) as sold_at
    from sold_lines
    group by customer_id, currency, order_key
),

bought as (
    select
        customer_orders.customer_id,
        customer_orders.currency,
        count(case when customer_orders.sold_at >= value_rules.window_from then 1 end) as frequency,
        coalesce(sum(case when customer_orders.sold_at >= value_rules.window_from then customer_orders.paid_amount end), 0)
            as paid_amount,
        count(*) as orders_count,
        min(customer_orders.sold_at) as first_order_at,
        max(customer_orders.sold_at) as last_order_at
    from customer_orders
    cross join value_rules
    group by customer_orders.customer_id, customer_orders.currency
),

given_back as (
    select
        refunds.customer_id,
        refunds.currency,
        sum(refunds.refund_amount) as refunded_amount
    from refunds
    cross join value_rules
    where refunds.refunded_at >= value_rules.window_from
    group by refunds.customer_id, refunds.currency
),

measured as (
    select
        bought.customer_id,
        bought.currency,
        {{ days_between(local_date('bought.last_order_at', 'this_run.company_timezone'), 'this_run.business_date') }} as recency_days,
        bought.frequency,
        cast(bought.paid_amount - coalesce(given_back.refunded_amount, 0) as bigint) as monetary,
        bought.orders_count,
        bought.last_order_at >= value_rules.window_from as is_in_window,
        bought.first_order_at,
        bought.last_order_at
    from bought
    cross join this_run
    cross join value_rules
    left join given_back
        on bought.customer_id = given_back.customer_id
        and bought.currency = given_back.currency
),

in_window as (
    select * from measured
    where is_in_window
),

currencies as (
    select
        currency,
        count(*) as customers
    from in_window
    group by currency
),

{%- set measures = [
    ('recency', '-recency_days'), ('frequency', 'frequency'), ('monetary', 'monetary'),
] %}
{% for measure, value in measures %}
-- each value once, with how many customers lie below it and how many are at it
{{ measure }}_values as (
    select
        currency,
        {{ value }} as worth,
        count(*) as alike,
        sum(count(*)) over (
            partition by currency order by {{ value }} rows between unbounded preceding and current row
        ) - count(*) as below
    from in_window
    group by currency, {{ value }}
),

{{ measure }}_scores as (
    select
        found.currency,
        found.worth,
        cast(1 {%- for n in range(1, 5) %}
            + case
                when coalesce(own.method, general.method) = 'bounds'
                    then case when {{ reaches_bound(measure, n) }} then 1 else 0 end
                when (2 * found.below + found.alike) * 1000000 > coalesce(own.cut_{{ n }}, general.cut_{{ n }}) * 2 * currencies.customers
                    then 1
                else 0
            end
        {%- endfor %} as int) as score
    from {{ measure }}_values as found
    inner join currencies on found.currency = currencies.currency
    left join scales as own on own.measure = '{{ measure }}' and found.currency = own.currency
    left join scales as general on general.measure = '{{ measure }}' and general.currency = '*'
),
{% endfor %}

scored as (
    select
        in_window.customer_id,
        in_window.currency,
        recency_scores.score as recency_score,
        frequency_scores.score as frequency_score,
        monetary_scores.score as monetary_score
    from in_window
    inner join recency_scores
        on in_window.currency = recency_scores.currency and -in_window.recency_days = recency_scores.worth
    inner join frequency_scores
        on in_window.currency = frequency_scores.currency and in_window.frequency = frequency_scores.worth
    inner join monetary_scores
        on in_window.currency = monetary_scores.currency and in_window.monetary = monetary_scores.worth
),

customer_rfm as (
    select
        measured.customer_id,
        measured.currency,
        coalesce(boxes.segment, value_rules.outside_segment) as segment,
        measured.recency_days,
        measured.frequency,
        measured.monetary,
        measured.orders_count,
        scored.recency_score,
        scored.frequency_score,
        scored.monetary_score,
        measured.is_in_window,
        measured.first_order_at,
        measured.last_order_at
    from measured
    cross join value_rules
    left join scored
        on measured.customer_id = scored.customer_id
        and measured.currency = scored.currency
    left join boxes
        on scored.recency_score = boxes.recency_score
        and scored.frequency_score = boxes.frequency_score
        and scored.monetary_score = boxes.monetary_score
)

select * from customer_rfm
