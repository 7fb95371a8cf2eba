{{ config(materialized='incremental_by_key', by=['customer_id']) }}
{{ touched(touched_customers() + [changed(source('lake', 'identity_owners'), ['customer_id'])]) }}
-- By what each customer is known. Several may state one identifier (a family's phone): it belongs to one of them, and a value
-- that meets too many people belongs to none.
with observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

persona_customers as (
    select people.* from {{ source('lake', 'persona_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
),

personas as (
    select * from {{ ref('personas') }}
),

owners as (
    select * from {{ source('lake', 'identity_owners') }}
),

stated as (
    select
        persona_customers.customer_id,
        observations.identifier_type,
        observations.identifier,
        min_by(personas.source, coalesce(cast(observations.first_seen_at as string), '') || personas.source) as source,
        min(observations.first_seen_at) as first_seen_at,
        max(observations.last_seen_at) as last_seen_at
    from observations
    inner join persona_customers on observations.persona_id = persona_customers.persona_id
    inner join personas on observations.persona_id = personas.persona_id
    where observations.is_identifier and observations.refusal is null
    group by persona_customers.customer_id, observations.identifier_type, observations.identifier
),

customer_identifiers as (
    select
        stated.customer_id,
        stated.identifier_type,
        stated.identifier,
        stated.source,
        coalesce(stated.customer_id = owners.customer_id, false) as is_owner,
        stated.first_seen_at,
        stated.last_seen_at
    from stated
    left join owners
        on stated.identifier_type = owners.identifier_type
        and stated.identifier = owners.identifier
)

select * from customer_identifiers
