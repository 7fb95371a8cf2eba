-- Two claimants of one key, each pair from both sides, and what keeps them from being one person (null: nothing).
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

claimants as (
    select * from {{ ref('identity_claimants') }}
    where not is_crowd
),

-- most guards ask only whether two values are the same; the texts are read for the others
texts as (
    select
        identity_values.value_id,
        identity_values.identifier
    from {{ ref('identity_values') }} as identity_values
    inner join (
        {%- for slot in rule_guards() %}
        select guard_type_{{ slot }} as identifier_type from rules where guard_kind_{{ slot }} <> 'different'
        {{ 'union' if not loop.last }}
        {%- endfor %}
    ) as read_types on identity_values.identifier_type = read_types.identifier_type
),

pairs as (
    select
        this.rule_seq,
        this.link_key,
        this.claimant as this_claimant,
        that.claimant as that_claimant
        {%- for slot in rule_guards() %},
        this.stated_{{ slot }} as this_{{ slot }},
        that.stated_{{ slot }} as that_{{ slot }}
        {%- endfor %},
        {{ days_apart('this.first_seen_at', 'this.last_seen_at', 'that.first_seen_at', 'that.last_seen_at') }} as days_apart,
        that.first_seen_at as that_first_seen_at,
        that.last_seen_at as that_last_seen_at
    from claimants as this
    inner join claimants as that
        on this.rule_seq = that.rule_seq
        and this.link_key = that.link_key
        and this.claimant <> that.claimant
),

compared as (
    select
        pairs.*,
        case
            {%- for slot in rule_guards() %}
            when pairs.this_{{ slot }} <> pairs.that_{{ slot }}
                and {{ contradicts('rules.guard_kind_' ~ slot, 'rules.tolerance_' ~ slot, 'this_text_' ~ slot ~ '.identifier', 'that_text_' ~ slot ~ '.identifier') }}
                then 'guard:' || rules.guard_type_{{ slot }}
            {%- endfor %}
        end as refusal,
        rules.apart_days,
        (
            {%- for slot in rule_guards() %}
            case when pairs.this_{{ slot }} = pairs.that_{{ slot }} then 1 else 0 end
            {%- if not loop.last %} +{% endif %}
            {%- endfor %}
        ) as agreeing_count
    from pairs
    inner join rules on pairs.rule_seq = rules.rule_seq
    {%- for slot in rule_guards() %}
    left join texts as this_text_{{ slot }}
        on pairs.this_{{ slot }} = this_text_{{ slot }}.value_id
        and pairs.this_{{ slot }} <> pairs.that_{{ slot }}
    left join texts as that_text_{{ slot }}
        on pairs.that_{{ slot }} = that_text_{{ slot }}.value_id
        and pairs.this_{{ slot }} <> pairs.that_{{ slot }}
    {%- endfor %}
),

claims as (
    select
        rule_seq,
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
