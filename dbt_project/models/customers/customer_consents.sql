-- What a person decided, by purpose and channel: the newest decision under each identifier; where those differ, the
-- withdrawal holds, because customers that became one keep the most restrictive consent of them. Of a grant and a withdrawal
-- at one moment the withdrawal holds. Under an identifier that several share, a withdrawal holds for all of them, a grant for
-- the one whose it is.
with consents as (
    select * from {{ ref('stg_store__consents') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

decisions as (
    select
        identifiers.customer_id,
        consents.identifier_type,
        consents.identifier,
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

newest_decisions as (
    select *
    from decisions
    qualify row_number() over (
        partition by customer_id, identifier_type, identifier, purpose, channel
        order by decided_at desc, case state when 'withdrawn' then 0 else 1 end
    ) = 1
),

customer_consents as (
    select
        customer_id,
        purpose,
        channel,
        state,
        decided_at
    from newest_decisions
    qualify row_number() over (
        partition by customer_id, purpose, channel
        order by case state when 'withdrawn' then 0 else 1 end, decided_at desc
    ) = 1
)

select * from customer_consents
