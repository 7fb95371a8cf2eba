-- Which value of a field survives, by the criteria of the customer document, and which came second. A masked value stands
-- behind every whole one; what all criteria leave even is decided by the alphabet.
{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([changed(ref('customer_statements'), ['customer_id'])]) }}
{%- set in_order = {'is_masked': 'counted.is_masked'} -%}
{%- for slot in field_criteria() -%}
    {%- do in_order.update({'key_' ~ slot: criterion_key(slot)}) -%}
{%- endfor -%}
{%- for column in ['source', 'record_id', 'store_id', 'is_verified', 'stated_at'] -%}
    {%- do in_order.update({column: 'counted.' ~ column}) -%}
{%- endfor %}
with rules as (
    select * from {{ source('lake', 'customer_field_rules') }}
),

-- Of one value only its statements compete, which is most fields: no more than the first is looked for. What is said how
-- often is the same on all of them.
said as (
    select
        counted.customer_id,
        counted.field,
        min(counted.value) as value,
        min(counted.value) <> max(counted.value) as is_disputed,
        cast(sum(counted.records_count) as bigint) as statements_count,
        min({{ side_by_side(in_order) }}) as first_said
    from (
        select
            *,
            cast(0 as bigint) as said_count
        from {{ ref('customer_statements') }} as statements
        {{ only_touched(['statements.customer_id']) }}
        where not is_cleared
    ) as counted
    inner join rules on counted.field = rules.field
    group by counted.customer_id, counted.field
),

undisputed as (
    select
        customer_id,
        field,
        value,
        first_said.source as source,
        first_said.record_id as record_id,
        first_said.store_id as store_id,
        'alone' as decided_by,
        cast(null as string) as runner_up_value,
        cast(null as string) as runner_up_source,
        cast(null as string) as runner_up_record_id,
        cast(null as string) as runner_up_store_id,
        statements_count,
        first_said.is_verified as is_verified,
        first_said.stated_at as stated_at,
        cast(null as timestamp) as runner_up_at
    from said
    where not is_disputed
),

statements as (
    select statements.*
    from {{ ref('customer_statements') }} as statements
    inner join said
        on statements.customer_id = said.customer_id
        and statements.field = said.field
        and said.is_disputed
    where not statements.is_cleared
),

counted as (
    select
        *,
        cast(sum(records_count) over (partition by customer_id, field, value) as bigint) as said_count
    from statements
),

keyed as (
    select
        counted.customer_id,
        counted.field,
        counted.value,
        counted.source,
        counted.record_id,
        counted.store_id,
        counted.records_count,
        counted.is_masked,
        counted.is_verified,
        counted.stated_at,
        {%- for slot in field_criteria() %}
        rules.criterion_{{ slot }},
        {%- endfor %}
        {%- for slot in field_criteria() %}
        {{ criterion_key(slot) }} as key_{{ slot }}{{ ',' if not loop.last }}
        {%- endfor %}
    from counted
    inner join rules on counted.field = rules.field
),

ranked as (
    select
        *,
        row_number() over in_order as place,
        first_value(value) over in_order as first_value_said,
        first_value(is_masked) over in_order as first_is_masked,
        {%- for slot in field_criteria() %}
        first_value(key_{{ slot }}) over in_order as first_key_{{ slot }}{{ ',' if not loop.last }}
        {%- endfor %}
    from keyed
    window in_order as (
        partition by customer_id, field
        order by
            is_masked,
            {%- for slot in field_criteria() %}
            key_{{ slot }},
            {%- endfor %}
            value,
            source,
            record_id
    )
),

told_apart as (
    select
        *,
        case when value <> first_value_said then place end as other_place,
        case
            when is_masked <> first_is_masked then 'masked'
            {%- for slot in field_criteria() %}
            when key_{{ slot }} <> first_key_{{ slot }} then criterion_{{ slot }}
            {%- endfor %}
            else 'alphabet'
        end as lost_by
    from ranked
),

disputed as (
    select
        customer_id,
        field,
        max(first_value_said) as value,
        max(case when place = 1 then source end) as source,
        max(case when place = 1 then record_id end) as record_id,
        max(case when place = 1 then store_id end) as store_id,
        min_by(lost_by, other_place) as decided_by,
        min_by(value, other_place) as runner_up_value,
        min_by(source, other_place) as runner_up_source,
        min_by(record_id, other_place) as runner_up_record_id,
        -- aggregates leave out nulls: where the store is null, it is that of no store
        nullif(min_by(coalesce(store_id, ''), other_place), '') as runner_up_store_id,
        cast(sum(records_count) as bigint) as statements_count,
        max(case when place = 1 and is_verified then 1 else 0 end) = 1 as is_verified,
        max(case when place = 1 then stated_at end) as stated_at,
        min_by(stated_at, other_place) as runner_up_at
    from told_apart
    group by customer_id, field
),

customer_fields as (
    select * from undisputed
    union all
    select * from disputed
)

select * from customer_fields
