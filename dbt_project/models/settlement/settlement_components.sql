-- Grain: (rule_id, rule_version, has_salesperson, component_seq).
-- Weights as they work on a posting, and the rates that they amount to, in a million and cut down. Without a salesperson the
-- weight of sales goes to the residual owner and the sales component, which would have nobody to name, is absent.
with rules as (
    select * from {{ source('lake', 'settlement_rules') }}
    where component = 'split'
),

sales_shares as (
    select
        rule_id,
        rule_version,
        cast(sum(case when party_kind = 'sales' then weight else 0 end) as bigint) as sales_weight,
        cast(sum(weight) as bigint) as weight_total
    from rules
    group by rule_id, rule_version
),

with_a_salesperson as (
    select
        rule_id,
        rule_version,
        party_role,
        party_kind,
        component_seq,
        weight,
        true as has_salesperson,
        is_residual
    from rules
),

without_a_salesperson as (
    select
        rules.rule_id,
        rules.rule_version,
        rules.party_role,
        rules.party_kind,
        rules.component_seq,
        case when rules.is_residual then rules.weight + sales_shares.sales_weight else rules.weight end as weight,
        false as has_salesperson,
        rules.is_residual
    from rules
    inner join sales_shares
        on rules.rule_id = sales_shares.rule_id
        and rules.rule_version = sales_shares.rule_version
    where rules.party_kind <> 'sales'
),

together as (
    select * from with_a_salesperson
    union all
    select * from without_a_salesperson
),

final as (
    select
        together.rule_id,
        together.rule_version,
        together.party_role,
        together.party_kind,
        together.component_seq,
        together.weight,
        cast({{ integer_division('together.weight * 1000000', 'sales_shares.weight_total') }} as bigint) as rate_ppm,
        together.has_salesperson,
        together.is_residual
    from together
    left join sales_shares
        on together.rule_id = sales_shares.rule_id
        and together.rule_version = sales_shares.rule_version
)

select * from final
