-- Grain: (rule_id, rule_version, has_salesperson, component_seq).
-- Rates as they work on a posting. Without a salesperson the sales shares go to the residual owner and the sales
-- component, which would have nobody to name, is absent.
with rules as (
    select * from {{ source('lake', 'settlement_rules') }}
),

sales_shares as (
    select
        rule_id,
        rule_version,
        cast(sum(case when party_kind = 'sales' then rate_ppm else 0 end) as bigint) as sales_ppm
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
        rate_ppm,
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
        case when rules.is_residual then rules.rate_ppm + sales_shares.sales_ppm else rules.rate_ppm end as rate_ppm,
        false as has_salesperson,
        rules.is_residual
    from rules
    inner join sales_shares
        on rules.rule_id = sales_shares.rule_id
        and rules.rule_version = sales_shares.rule_version
    where rules.party_kind <> 'sales'
),

final as (
    select * from with_a_salesperson
    union all
    select * from without_a_salesperson
)

select * from final
