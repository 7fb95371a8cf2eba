-- Every value that an identifier or attribute takes, and whether it may link: not when it is blocked or the company's own,
-- nor when it meets more different values of another type than the registry allows (a tablet in a store, a family's phone).
with limits as (
    select * from {{ source('lake', 'identity_limits') }}
),

counted as (
    select
        value_id,
        count(*) as personas_count,
        min(persona_id) as first_persona,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ source('lake', 'identity_observations') }}
    group by value_id
),

-- its text once, from whoever is first: of twenty statements of a value nineteen say the same
told as (
    select
        counted.*,
        observations.identifier_type,
        observations.identifier,
        observations.refusal
    from {{ source('lake', 'identity_observations') }} as observations
    inner join counted
        on observations.value_id = counted.value_id
        and observations.persona_id = counted.first_persona
),

-- a persona states one value of a type: who is stated by few meets few
limited as (
    select
        told.value_id,
        limits.of_type,
        limits.most,
        limits.within_days
    from told
    inner join limits on told.identifier_type = limits.identifier_type
    where told.refusal is null and told.personas_count > limits.most
),

met as (
    select
        limited.value_id,
        limited.of_type,
        limited.most,
        limited.within_days,
        partners.value_id as partner,
        min(greatest(observations.first_seen_at, partners.first_seen_at)) as met_at
    from limited
    inner join {{ source('lake', 'identity_observations') }} as observations on limited.value_id = observations.value_id
    inner join {{ source('lake', 'identity_observations') }} as partners
        on observations.persona_id = partners.persona_id
        and limited.of_type = partners.identifier_type
    where partners.refusal is null
    group by limited.value_id, limited.of_type, limited.most, limited.within_days, partners.value_id
),

in_turn as (
    select
        *,
        row_number() over (partition by value_id, of_type, most order by met_at, partner) as turn
    from met
),

-- Too many within the window: one was met together with the one that many places before.
crowds as (
    select
        later.value_id,
        later.of_type
    from in_turn as later
    inner join in_turn as earlier
        on later.value_id = earlier.value_id
        and later.of_type = earlier.of_type
        and later.most = earlier.most
        and later.turn = earlier.turn + later.most
    where later.within_days is null
        or {{ days_between('cast(earlier.met_at as date)', 'cast(later.met_at as date)') }} <= later.within_days
),

over_limit as (
    select
        value_id,
        min(of_type) as of_type
    from crowds
    group by value_id
),

identity_values as (
    select
        told.value_id,
        told.identifier_type,
        told.identifier,
        coalesce(told.refusal, 'limit:' || over_limit.of_type) as refusal,
        over_limit.of_type is not null as is_over_limit,
        told.personas_count,
        told.first_persona,
        told.first_seen_at,
        told.last_seen_at
    from told
    left join over_limit on told.value_id = over_limit.value_id
)

select * from identity_values
