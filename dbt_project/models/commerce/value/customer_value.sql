{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('sold_lines'), ['customer_id']),
    changed(ref('refunds'), ['customer_id']),
    changed(ref('line_costs'), ['customer_id']),
    changed(ref('line_charges'), ['customer_id']),
    changed(ref('line_commissions'), ['customer_id']),
    meets_changed(ref('refunds'), ['customer_id'], ref('store_periods'), ['store_id']),
]) }}
-- Grain: (customer_id, store_id, currency). What a customer's lines brought and cost in one store, all time; null where nothing
-- of a component is known. contribution adds what is known: read it beside covered_amount, the paid amount of the lines whose
-- cost is known.
with contributions as (
    select parts.* from {{ ref('order_line_contributions') }} as parts
    {{ only_touched(['parts.customer_id']) }}
    where customer_id is not null
),

summed as (
    select
        customer_id,
        store_id,
        currency,
        {%- for component in contribution_components() %}
        cast(sum(case when component = '{{ component }}' then amount end) as bigint) as {{ component }}_amount,
        {%- endfor %}
        cast(sum(amount) as bigint) as contribution,
        cast(sum(case when component = 'revenue' then covered_amount else 0 end) as bigint) as paid_amount,
        cast(sum(case when component = 'cost' then covered_amount else 0 end) as bigint) as covered_amount,
        cast(sum(case when component = 'revenue' then 1 else 0 end) as bigint) as lines_count
    from contributions
    group by customer_id, store_id, currency
),

customer_value as (
    select
        customer_id,
        store_id,
        currency,
        {%- for component in contribution_components() %}
        {{ component }}_amount,
        {%- endfor %}
        contribution,
        paid_amount,
        covered_amount,
        lines_count
    from summed
)

select * from customer_value
