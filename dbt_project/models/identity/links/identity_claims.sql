-- Two claimants of one key, each pair from both sides, and what keeps them from being one person (null: nothing).
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

claimants as (
    select * from {{ ref('identity_claimants') }}
    where claimants_count > 1 and not is_crowd
),

compared as (
    select
        this.rule,
        this.link_key,
        this.claimant as this_claimant,
        that.claimant as that_claimant,
        case
            {%- for slot in rule_guards() %}
            when {{ contradicts('rules.guard_kind_' ~ slot, 'rules.tolerance_' ~ slot, 'this.stated_' ~ slot, 'that.stated_' ~ slot) }}
                then 'guard:' || rules.guard_type_{{ slot }}
            {%- endfor %}
        end as refusal,
        rules.apart_days,
        (
            {%- for slot in rule_guards() %}
            case when this.stated_{{ slot }} = that.stated_{{ slot }} then 1 else 0 end
            {%- if not loop.last %} +{% endif %}
            {%- endfor %}
        ) as agreeing_count,
        {{ days_apart('this.first_seen_at', 'this.last_seen_at', 'that.first_seen_at', 'that.last_seen_at') }} as days_apart,
        that.first_seen_at as that_first_seen_at,
        that.last_seen_at as that_last_seen_at
    from claimants as this
    inner join claimants as that
        on this.rule = that.rule
        and this.link_key = that.link_key
        and this.claimant <> that.claimant
    inner join rules on this.rule = rules.rule
),

claims as (
    select
        rule,
        link_key,
        this_claimant,
        that_claimant,
        coalesce(refusal, case when agreeing_count = 0 and days_apart > apart_days then 'guard:apart' end) as refusal,
        agreeing_count,
        days_apart,
        that_first_seen_at,
        that_last_seen_at
    from compared
)

select * from claims
