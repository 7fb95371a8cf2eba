-- By what a customer can be reached: every phone, mailbox, WeCom contact, openid and address that somebody stated and that
-- is written in full. is_primary: the one that survives as the customer's field.
with statements as (
    select * from {{ ref('customer_statements') }}
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

newest as (
    select
        customer_id,
        field,
        kind,
        value,
        -- a record of no store is everybody's who may see the customer
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

-- Where a contact point is everybody's, its source is one of no store.
sources as (
    select
        stated.customer_id,
        stated.field,
        stated.value,
        max_by(stated.source, cast(stated.stated_at as string) || stated.source) as source
    from stated
    inner join newest
        on stated.customer_id = newest.customer_id
        and stated.field = newest.field
        and stated.value = newest.value
        and coalesce(stated.store_id, '') = coalesce(newest.store_id, '')
    group by stated.customer_id, stated.field, stated.value
),

customer_contact_points as (
    select
        newest.customer_id,
        newest.kind,
        newest.value,
        sources.source,
        newest.store_id,
        newest.records_count,
        coalesce(fields.value = newest.value, false) as is_primary,
        newest.is_verified,
        newest.first_seen_at,
        newest.last_seen_at
    from newest
    inner join sources
        on newest.customer_id = sources.customer_id
        and newest.field = sources.field
        and newest.value = sources.value
    left join fields
        on newest.customer_id = fields.customer_id
        and newest.field = fields.field
)

select * from customer_contact_points
