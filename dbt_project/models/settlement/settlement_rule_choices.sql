-- Grain: (store_id, economic_date, component). The rule of a component at each store on every day with a fact: the most
-- specific one of the version of the rulebook that holds on that day. `tied_rules` counts the rules of that specificity: above one the rulebook is ambiguous and a test stops
-- the run.
with days as (
    select distinct
        store_id,
        country,
        region,
        city,
        store_type,
        business_type,
        channel,
        agent,
        economic_date
    from {{ ref('settlement_postings') }}
),

versions as (
    select * from {{ source('lake', 'settlement_versions') }}
),

rules as (
    {% for rules in ['settlement_rules', 'settlement_transfer_rules'] %}
    select distinct
        rule_id,
        rule_version,
        component,
        country,
        region,
        city,
        store_type,
        business_type,
        channel,
        agent,
        specificity,
        valid_from,
        valid_to
    from {{ source('lake', rules) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

holding as (
    select
        days.store_id,
        rules.component,
        rules.rule_id,
        rules.rule_version,
        rules.specificity,
        days.economic_date
    from days
    inner join rules
        on (rules.country = '*' or rules.country = days.country)
        and (rules.region = '*' or rules.region = days.region)
        and (rules.city = '*' or rules.city = days.city)
        and (rules.store_type = '*' or rules.store_type = days.store_type)
        and (rules.business_type = '*' or rules.business_type = days.business_type)
        and (rules.channel = '*' or rules.channel = days.channel)
        and (rules.agent = '*' or rules.agent = days.agent)
        and (rules.valid_from is null or rules.valid_from <= days.economic_date)
        and (rules.valid_to is null or days.economic_date < rules.valid_to)
    inner join versions
        on rules.rule_version = versions.rule_version
        and (versions.holds_from is null or versions.holds_from <= days.economic_date)
        and (versions.holds_to is null or days.economic_date < versions.holds_to)
),

ranked as (
    select
        store_id,
        component,
        rule_id,
        rule_version,
        economic_date,
        count(*) over (partition by store_id, economic_date, component, specificity) as tied_rules,
        row_number() over (
            partition by store_id, economic_date, component
            order by specificity desc, rule_id, rule_version
        ) as choice
    from holding
),

final as (
    select
        store_id,
        component,
        rule_id,
        rule_version,
        cast(tied_rules as bigint) as tied_rules,
        economic_date
    from ranked
    where choice = 1
)

select * from final
