-- What people decided about being written to, each decision on the timeline of whose identifier it was given under.
with consents as (
    select * from {{ ref('stg_store__consents') }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where is_owner
),

interactions__consent as (
    select
        identifiers.customer_id,
        'consent_' || consents.state as kind,
        'customer' as actor,
        consents.channel,
        cast(null as string) as store_id,
        cast(null as string) as staff_id,
        'consent' as object_type,
        consents.consent_id as object_id,
        'consent_' || consents.state as text_key,
        {{ arguments({'purpose': 'consents.purpose'}) }} as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        consents.decided_at as occurred_at
    from consents
    inner join identifiers
        on consents.identifier_type = identifiers.identifier_type
        and consents.identifier = identifiers.identifier
)

select * from interactions__consent
