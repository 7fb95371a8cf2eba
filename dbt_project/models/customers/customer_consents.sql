-- What a person decided last, by purpose and channel. Of a grant and a withdrawal at one moment the withdrawal holds. Under an
-- identifier that several share, a withdrawal holds for all of them, a grant for the one whose it is.
with consents as (
    select * from {{ ref('stg_store__consents') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

decisions as (
    select
        identifiers.customer_id,
        consents.purpose,
        consents.channel,
        consents.state,
        consents.decided_at
    from consents
    inner join identifiers
        on consents.identifier_type = identifiers.identifier_type
        and consents.identifier = identifiers.identifier
    where identifiers.is_owner or consents.state = 'withdrawn'
),

customer_consents as (
    select
        customer_id,
        purpose,
        channel,
        state,
        decided_at
    from decisions
    qualify row_number() over (
        partition by customer_id, purpose, channel
        order by decided_at desc, case state when 'withdrawn' then 0 else 1 end
    ) = 1
)

select * from customer_consents
