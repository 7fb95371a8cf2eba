-- Personas that the certain rules bring together, as far as a few steps reach: kin is the smallest of them. It decides
-- nothing; it lets a guard compare what is known of a person and not only what one record happens to state.
with rule_keys as (
    select * from {{ ref('identity_rule_keys') }}
),

rules as (
    select * from {{ source('lake', 'identity_rules') }}
    where is_certain
),

certain_keys as (
    select
        rule_keys.rule_seq,
        rule_keys.link_key,
        rule_keys.persona_id
    from rule_keys
    inner join rules on rule_keys.rule_seq = rules.rule_seq
),

smallest_1 as (
    select
        rule_seq,
        link_key,
        min(persona_id) as kin
    from certain_keys
    group by rule_seq, link_key
),
{%- for step in range(1, 4) %}

kin_{{ step }} as (
    select
        certain_keys.persona_id,
        min(smallest_{{ step }}.kin) as kin
    from certain_keys
    inner join smallest_{{ step }}
        on certain_keys.rule_seq = smallest_{{ step }}.rule_seq
        and certain_keys.link_key = smallest_{{ step }}.link_key
    group by certain_keys.persona_id
){{ ',' if not loop.last }}
{%- if not loop.last %}

smallest_{{ step + 1 }} as (
    select
        certain_keys.rule_seq,
        certain_keys.link_key,
        min(kin_{{ step }}.kin) as kin
    from certain_keys
    inner join kin_{{ step }} on certain_keys.persona_id = kin_{{ step }}.persona_id
    group by certain_keys.rule_seq, certain_keys.link_key
),
{%- endif %}
{%- endfor %}

select * from kin_3
