{{ config(tags=['facts']) }}
-- I9: whatever was closed in between, all rows of an account sum to what it should be; nothing is posted of anything else.
with should_be as (
    {% for entries in ['settlement_entries', 'settlement_transfers'] %}
    select
        {{ entries }}.entry_id,
        {{ entries }}.store_id,
        {{ entries }}.party_role,
        {{ entries }}.party_id,
        coalesce(conversions.settle_currency, {{ entries }}.currency) as currency,
        coalesce(conversions.settled_amount, {{ entries }}.amount) as amount
    from {{ ref(entries) }}
    left join {{ ref('settlement_conversions') }} as conversions
        on {{ entries }}.entry_id = conversions.entry_id
    where conversions.entry_id is null or conversions.settled_amount is not null
    union all
    {% endfor %}
    select entry_id, '*' as store_id, 'payment' as party_role, party_id, currency, amount from {{ ref('settlement_payments') }}
),

both_sides as (
    select {{ account_columns() | join(', ') }}, amount from should_be
    union all
    select {{ account_columns() | join(', ') }}, -amount from {{ ref('settlement_ledger') }}
    where component not in ('clearing', 'cash', 'fx')
)

select
    {{ account_columns() | join(', ') }},
    sum(amount) as missing
from both_sides
group by {{ account_columns() | join(', ') }}
having sum(amount) <> 0
