{{ config(tags=['facts']) }}
-- I7, I17: every statement that was closed is, to the cent, the one that its rows give now, and no other stands in its period.
{% set amounts = ['opening', 'earned', 'clawback', 'fee', 'tax', 'adjustments', 'paid', 'closing', 'lines_count'] %}
with frozen as (
    select * from {{ source('lake', 'settlement_closed_statements') }}
),

closings as (
    select * from {{ source('lake', 'settlement_closings') }}
),

statements as (
    select found.*
    from {{ ref('settlement_statements') }} as found
    inner join closings
        on found.period = closings.period
)

select
    coalesce(frozen.period, statements.period) as period,
    coalesce(frozen.party_id, statements.party_id) as party_id,
    coalesce(frozen.currency, statements.currency) as currency
from frozen
full outer join statements
    on frozen.period = statements.period
    and frozen.party_id = statements.party_id
    and frozen.currency = statements.currency
where
    frozen.period is null
    or statements.period is null
    {% for amount in amounts %}or frozen.{{ amount }} <> statements.{{ amount }}
    {% endfor %}
