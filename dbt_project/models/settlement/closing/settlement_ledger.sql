{{ config(materialized='incremental_by_key', by=['line_id']) }}
{{ touched([
    changed(ref('settlement_entries'), ['line_id']),
    changed(ref('settlement_transfers'), ['line_id']),
    changed(ref('settlement_conversions'), ['line_id']),
    changed(ref('settlement_posting_fx'), ['line_id']),
    changed(ref('settlement_payments'), ['line_id']),
    landed_since(source('lake', 'settlement_closed_entries'), ['line_id']),
    lines_that_were_closed(this),
]) }}
-- Grain: (entry_id, store_id, party_role, party_id, currency, posted_on). What should be, less what was closed
-- (docs/decisions/0014-settlement.md). Closed rows stand as they were frozen. An entry without closed rows is posted on its
-- own day, or on the first open day when its own is closed. An entry whose closed rows sum to another amount, and one that
-- vanished, get a row of the difference on the first open day. Each posting and day has a contra leg, so that it sums to zero.
-- What is settled in another currency is owed in that one; a pair of exchange rows stands between the two, so that each sums to
-- zero. What has no rate of exchange yet is not posted.
{% set account, explaining, forming = account_columns(), explaining_columns(), forming_columns() %}
with watermark as (
    select * from {{ ref('settlement_watermark') }}
),

conversions as (
    select rated.* from {{ ref('settlement_conversions') }} as rated
    {{ only_touched(['rated.line_id']) }}
),

settled as (
    select
        entries.entry_id,
        entries.posting,
        entries.line_id,
        entries.original_line_id,
        entries.order_key,
        entries.store_id,
        entries.region,
        {{ component_of_role('entries.party_role') }} as component,
        entries.party_role,
        entries.party_id,
        entries.salesperson_id,
        coalesce(conversions.settle_currency, entries.currency) as currency,
        {% for column in explaining %}entries.{{ column }}, {% endfor %}
        {% for column, type in forming.items() %}cast(null as {{ type }}) as {{ column }}, {% endfor %}
        coalesce(conversions.settled_amount, entries.amount) as amount,
        entries.economic_date
    from {{ ref('settlement_entries') }} as entries
    {{ only_touched(['entries.line_id']) }}
    left join conversions
        on entries.entry_id = conversions.entry_id
    where conversions.entry_id is null or conversions.settled_amount is not null
),

transferred as (
    select
        transfers.entry_id,
        transfers.posting,
        transfers.line_id,
        transfers.original_line_id,
        transfers.order_key,
        transfers.store_id,
        transfers.region,
        transfers.component,
        transfers.party_role,
        transfers.party_id,
        transfers.salesperson_id,
        coalesce(conversions.settle_currency, transfers.currency) as currency,
        transfers.rule_id,
        transfers.rule_version,
        0 as component_seq,
        transfers.base_amount,
        transfers.rate_ppm,
        transfers.weight,
        transfers.weight_total,
        transfers.floor_amount,
        transfers.rounding,
        {% for column in forming %}transfers.{{ column }}, {% endfor %}
        coalesce(conversions.settled_amount, transfers.amount) as amount,
        transfers.economic_date
    from {{ ref('settlement_transfers') }} as transfers
    {{ only_touched(['transfers.line_id']) }}
    left join conversions
        on transfers.entry_id = conversions.entry_id
    where conversions.entry_id is null or conversions.settled_amount is not null
),

{% for side, currency, amount in [('from', 'currency', 'base_amount'), ('to', 'settle_currency', '-settled_amount')] %}
exchanged_{{ side }} as (
    select
        exchanged.posting_id || ':fx:{{ side }}' as entry_id,
        exchanged.posting,
        exchanged.line_id,
        exchanged.original_line_id,
        exchanged.order_key,
        exchanged.store_id,
        exchanged.region,
        'fx' as component,
        'fx' as party_role,
        'fx:' || exchanged.currency || ':' || exchanged.settle_currency as party_id,
        cast(null as string) as salesperson_id,
        exchanged.{{ currency }} as currency,
        exchanged.rate_id as rule_id,
        cast(null as string) as rule_version,
        0 as component_seq,
        exchanged.base_amount,
        cast(null as bigint) as rate_ppm,
        cast(null as bigint) as weight,
        cast(null as bigint) as weight_total,
        cast(null as bigint) as floor_amount,
        cast(null as bigint) as rounding,
        {% for column, type in forming.items() %}cast(null as {{ type }}) as {{ column }}, {% endfor %}
        {{ amount }} as amount,
        exchanged.economic_date
    from {{ ref('settlement_posting_fx') }} as exchanged
    {{ only_touched(['exchanged.line_id']) }}
    where exchanged.settled_amount is not null
),
{% endfor %}

payments as (
    select
        payments.entry_id,
        payments.posting,
        payments.line_id,
        cast(null as string) as original_line_id,
        cast(null as string) as order_key,
        '*' as store_id,
        cast(null as string) as region,
        'payment' as component,
        'payment' as party_role,
        payments.party_id,
        cast(null as string) as salesperson_id,
        payments.currency,
        cast(null as string) as rule_id,
        cast(null as string) as rule_version,
        0 as component_seq,
        payments.amount as base_amount,
        cast(null as bigint) as rate_ppm,
        cast(null as bigint) as weight,
        cast(null as bigint) as weight_total,
        cast(null as bigint) as floor_amount,
        cast(null as bigint) as rounding,
        {% for column, type in forming.items() %}cast(null as {{ type }}) as {{ column }}, {% endfor %}
        payments.amount,
        payments.economic_date
    from {{ ref('settlement_payments') }} as payments
    {{ only_touched(['payments.line_id']) }}
),

what_should_be as (
    select * from settled
    union all
    select * from transferred
    union all
    select * from exchanged_from
    union all
    select * from exchanged_to
    union all
    select * from payments
),

closed as (
    select frozen.* from {{ source('lake', 'settlement_closed_entries') }} as frozen
    {{ only_touched(['frozen.line_id']) }}
),

-- the newest closed row of an account describes it when nothing else does any more
closed_accounts as (
    select *
    from (
        select
            *,
            cast(sum(amount) over (partition by {{ account | join(', ') }}) as bigint) as closed_amount,
            row_number() over (partition by {{ account | join(', ') }} order by posted_on desc) as newest_first
        from closed
        where component not in ('clearing', 'cash')
    ) as summed
    where newest_first = 1
),

closed_entries as (
    select distinct entry_id from closed_accounts
),

differences as (
    select
        what_should_be.*,
        what_should_be.amount as entry_amount,
        what_should_be.amount - coalesce(closed_accounts.closed_amount, 0) as difference,
        closed_entries.entry_id is not null as was_closed
    from what_should_be
    left join closed_accounts
        on {% for column in account %}what_should_be.{{ column }} = closed_accounts.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    left join closed_entries
        on what_should_be.entry_id = closed_entries.entry_id
    union all
    select
        {% for column in ['entry_id', 'posting', 'line_id', 'original_line_id', 'order_key', 'store_id', 'region', 'component', 'party_role', 'party_id', 'salesperson_id', 'currency'] + explaining + (forming | list) %}closed_accounts.{{ column }}, {% endfor %}
        closed_accounts.amount,
        closed_accounts.economic_date,
        0 as entry_amount,
        -closed_accounts.closed_amount as difference,
        true as was_closed
    from closed_accounts
    where not exists (
        select 1 from what_should_be
        where {% for column in account %}what_should_be.{{ column }} = closed_accounts.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    )
),

open_rows as (
    select
        differences.entry_id,
        case
            when differences.was_closed then 'ADJUSTMENT'
            when differences.posting in ('REFUND', 'PAID', 'COLLECTED') then differences.posting
            when differences.economic_date < watermark.open_from then 'LATE_FACT'
            else differences.posting
        end as kind,
        differences.posting,
        differences.line_id,
        differences.original_line_id,
        differences.order_key,
        differences.store_id,
        differences.region,
        differences.component,
        differences.party_role,
        differences.party_id,
        differences.salesperson_id,
        differences.currency,
        {% for column in explaining + (forming | list) %}differences.{{ column }}, {% endfor %}
        differences.entry_amount,
        differences.difference as amount,
        differences.economic_date,
        case when differences.was_closed then watermark.open_from else greatest(differences.economic_date, watermark.open_from) end as posted_on
    from differences
    cross join watermark
    where differences.difference <> 0
),

contra_sums as (
    select
        posting || ':' || line_id || ':contra' as entry_id,
        min(kind) as kind,
        posting,
        line_id,
        max(original_line_id) as original_line_id,
        max(order_key) as order_key,
        store_id,
        max(region) as region,
        case when posting in ('PAID', 'COLLECTED') then 'cash' else 'clearing' end as component,
        case when posting in ('PAID', 'COLLECTED') then 'cash' else 'clearing' end as party_role,
        case when posting in ('PAID', 'COLLECTED') then 'cash' else 'clearing:' || store_id end as party_id,
        max(salesperson_id) as salesperson_id,
        currency,
        cast(null as string) as rule_id,
        cast(null as string) as rule_version,
        0 as component_seq,
        {% for column in explaining if column not in ['rule_id', 'rule_version', 'component_seq'] %}cast(null as bigint) as {{ column }}, {% endfor %}
        {% for column, type in forming.items() %}cast(null as {{ type }}) as {{ column }}, {% endfor %}
        -cast(sum(entry_amount) as bigint) as entry_amount,
        -cast(sum(amount) as bigint) as amount,
        min(economic_date) as economic_date,
        posted_on
    from open_rows
    group by posting, line_id, store_id, currency, posted_on
),

-- parts that balance among themselves need no leg; a filter of its own, because engines read names after having differently
contra_legs as (
    select * from contra_sums
    where amount <> 0
),

all_rows as (
    {% for rows in ['closed', 'open_rows', 'contra_legs'] %}
    select
        entry_id,
        kind,
        posting,
        line_id,
        original_line_id,
        order_key,
        store_id,
        region,
        component,
        party_role,
        party_id,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        cast(component_seq as bigint) as component_seq,
        base_amount,
        rate_ppm,
        weight,
        weight_total,
        floor_amount,
        cast(rounding as bigint) as rounding,
        {% for column in forming %}{{ column }}, {% endfor %}
        cast(entry_amount as bigint) as entry_amount,
        cast(amount as bigint) as amount,
        {{ 'true' if rows == 'closed' else 'false' }} as is_closed,
        economic_date,
        posted_on
    from {{ rows }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from all_rows
