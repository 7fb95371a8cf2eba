-- Grain: (rule_id, rule_version, has_salesperson). The weights of a rule side by side, zero where it has no component.
with components as (
    select * from {{ ref('settlement_components') }}
),

final as (
    select
        rule_id,
        rule_version,
        {{ for_each_component('cast(sum(case when component_seq = {seq} then weight else 0 end) as bigint) as weight_{seq}') }},
        cast(sum(weight) as bigint) as weight_total,
        has_salesperson
    from components
    group by rule_id, rule_version, has_salesperson
)

select * from final
