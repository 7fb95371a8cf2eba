-- The rules by which this snapshot's customers were recognised.
with rules as (
    select * from {{ source('lake', 'identity_rules') }}
),

published as (
    select
        rule,
        concat_ws(
            ' '
            {%- for slot in rule_types() %},
            type_{{ slot }}
            {%- endfor %}
        ) as types,
        concat_ws(
            ' '
            {%- for slot in rule_guards() %},
            guard_type_{{ slot }}
            {%- endfor %},
            case when apart_days is not null then 'apart' end
        ) as guards,
        rule_seq,
        is_certain
    from rules
)

select * from published
