-- The same decision landed twice is one decision.
with consent_rows as (
    select * from {{ source('lake', 'consents') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

consents as (
    select distinct
        {{ content_hash(['identifier_type', 'identifier', 'purpose', 'channel', 'state', 'decided_at']) }} as consent_id,
        consent_rows.identifier_type,
        consent_rows.identifier,
        consent_rows.purpose,
        consent_rows.channel,
        consent_rows.state,
        consent_rows.decided_at
    from consent_rows
    cross join this_run
    where consent_rows.decided_at < this_run.as_of
)

select * from consents
