-- Whose record is it? A record carries several identifiers; where they were kept apart, the strongest one decides.
with observations as (
    select * from {{ ref('identity_observations') }}
),

clusters as (
    select * from {{ source('lake', 'identity_clusters') }}
),

ranked as (
    select
        observations.record_id,
        clusters.customer_id,
        case observations.identifier_type
            when 'record' then '1'
            when 'unionid' then '2'
            when 'external_userid' then '3'
            when 'member_no' then '4'
            when 'taobao_open_uid' then '5'
            when 'yz_open_id' then '5'
            else '6'
        end || observations.identifier as strength
    from observations
    inner join clusters
        on observations.identifier_type = clusters.identifier_type
        and observations.identifier = clusters.identifier
),

record_customers as (
    select
        record_id,
        min_by(customer_id, strength) as customer_id
    from ranked
    group by record_id
)

select * from record_customers
