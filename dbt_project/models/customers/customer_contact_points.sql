{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched([
    changed(ref('customer_statements'), ['customer_id']),
    changed(ref('customer_fields'), ['customer_id']),
]) }}
-- By what a customer can be reached: every phone, mailbox, WeCom contact, openid and address that somebody stated and that
-- is written in full. is_primary: the one that survives as the customer's field.
with statements as (
    select statements.* from {{ ref('customer_statements') }} as statements
    {{ only_touched(['statements.customer_id']) }}
    where not is_cleared and not is_masked
),

fields as (
    select * from {{ ref('customer_fields') }}
),

stated as (
    select
        customer_id,
        field,
        case field when 'external_userid' then 'wecom' else field end as kind,
        value,
        source,
        store_id,
        records_count,
        is_verified,
        first_stated_at,
        stated_at
    from statements
    where field in ('phone', 'email', 'external_userid', 'openid', 'address')
),

-- A record of no store is everybody's who may see the customer: where one states the value, it is the one that is told.
grouped as (
    select
        customer_id,
        field,
        kind,
        value,
        coalesce(
            max_by(source, case when store_id is null then cast(stated_at as string) || source end),
            max_by(source, case when store_id is not null then cast(stated_at as string) || source || store_id end)
        ) as source,
        case when max(case when store_id is null then 1 else 0 end) = 0
            then max_by(store_id, cast(stated_at as string) || source || store_id)
        end as store_id,
        cast(sum(records_count) as bigint) as records_count,
        max(case when is_verified then 1 else 0 end) = 1 as is_verified,
        min(first_stated_at) as first_seen_at,
        max(stated_at) as last_seen_at
    from stated
    group by customer_id, field, kind, value
),

customer_contact_points as (
    select
        grouped.customer_id,
        grouped.kind,
        grouped.value,
        grouped.source,
        grouped.store_id,
        grouped.records_count,
        coalesce(fields.value = grouped.value, false) as is_primary,
        grouped.is_verified,
        grouped.first_seen_at,
        grouped.last_seen_at
    from grouped
    left join fields
        on grouped.customer_id = fields.customer_id
        and grouped.field = fields.field
)

select * from customer_contact_points
