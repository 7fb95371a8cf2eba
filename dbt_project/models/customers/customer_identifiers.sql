with observations as (
    select * from {{ ref('identity_observations') }}
),

clusters as (
    select * from {{ source('lake', 'identity_clusters') }}
),

seen as (
    select
        identifier_type,
        identifier,
        min_by(source, cast(observed_at as string) || source) as source,
        min(observed_at) as first_seen_at,
        max(observed_at) as last_seen_at
    from observations
    group by identifier_type, identifier
),

customer_identifiers as (
    select
        clusters.customer_id,
        seen.identifier_type,
        seen.identifier,
        seen.source,
        seen.first_seen_at,
        seen.last_seen_at
    from seen
    inner join clusters
        on seen.identifier_type = clusters.identifier_type
        and seen.identifier = clusters.identifier
)

select * from customer_identifiers
