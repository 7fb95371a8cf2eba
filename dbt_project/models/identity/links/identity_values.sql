-- Every value that an identifier or attribute takes, and whether it may link: not when it is blocked or the company's own,
-- nor when it meets more different values of another type than the registry allows (a tablet in a store, a family's phone).
with observations as (
    select * from {{ source('lake', 'identity_observations') }}
),

limits as (
    select * from {{ source('lake', 'identity_limits') }}
),

counted as (
    select
        identifier_type,
        identifier,
        max(refusal) as refusal,
        count(*) as personas_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from observations
    group by identifier_type, identifier
),

met as (
    select
        observations.identifier_type,
        observations.identifier,
        limits.of_type,
        limits.most,
        limits.within_days,
        partners.identifier as partner,
        min(greatest(observations.first_seen_at, partners.first_seen_at)) as met_at
    from observations
    inner join limits on observations.identifier_type = limits.identifier_type
    inner join observations as partners
        on observations.persona_id = partners.persona_id
        and limits.of_type = partners.identifier_type
    where observations.refusal is null and partners.refusal is null
    group by
        observations.identifier_type,
        observations.identifier,
        limits.of_type,
        limits.most,
        limits.within_days,
        partners.identifier
),

in_turn as (
    select
        *,
        row_number() over (partition by identifier_type, identifier, of_type, most order by met_at, partner) as turn
    from met
),

-- Too many within the window: one was met together with the one that many places before.
crowds as (
    select
        later.identifier_type,
        later.identifier,
        later.of_type
    from in_turn as later
    inner join in_turn as earlier
        on later.identifier_type = earlier.identifier_type
        and later.identifier = earlier.identifier
        and later.of_type = earlier.of_type
        and later.most = earlier.most
        and later.turn = earlier.turn + later.most
    where later.within_days is null
        or {{ days_between('cast(earlier.met_at as date)', 'cast(later.met_at as date)') }} <= later.within_days
),

over_limit as (
    select
        identifier_type,
        identifier,
        min(of_type) as of_type
    from crowds
    group by identifier_type, identifier
),

identity_values as (
    select
        counted.identifier_type,
        counted.identifier,
        coalesce(counted.refusal, case when over_limit.of_type is not null then 'limit:' || over_limit.of_type end) as refusal,
        counted.personas_count,
        counted.first_seen_at,
        counted.last_seen_at
    from counted
    left join over_limit
        on counted.identifier_type = over_limit.identifier_type
        and counted.identifier = over_limit.identifier
)

select * from identity_values
