{{ config(tags=['facts']) }}
-- I15: every amount of a transfer can be worked out again from its own row.
with worked as (
    select
        *,
        case when side = 'payer' then -amount else amount end as given,
        case
            when before_value is not null and form = 'reversal' then before_value - after_value
            when before_value is not null then after_value - before_value
            when weight is not null then case when coalesce(bound_amount, weight_total) < 0 or (bound_amount is null and base_amount < 0)
                then -(floor_amount + rounding) else floor_amount + rounding end
            else coalesce(bound_amount, computed_amount)
        end as worked_out,
        cast(abs(coalesce(bound_amount, weight_total)) as {{ wide_integer() }}) * weight as product
    from {{ ref('settlement_transfers') }}
)

select * from worked
where
    given <> worked_out
    or worked_out is null
    or (weight is not null and cast(floor_amount as {{ wide_integer() }}) * weight_total > product)
    or (weight is not null and product - cast(floor_amount as {{ wide_integer() }}) * weight_total >= weight_total)
    or (weight is not null and rounding not in (0, 1))
    or (form = 'rate' and weight is null and before_value is null and 2 * abs(
        cast(base_amount as {{ wide_integer() }}) * rate_ppm - cast(computed_amount as {{ wide_integer() }}) * 1000000
    ) > 1000000)
    or (form = 'tax' and computed_amount <> tax_amount)
    or (tax_id is not null and (tax_amount is null or tax_ppm is null))
    -- a refund that lowers what was accumulated takes the difference of two rounded parts
    or (form <> 'reversal' and coalesce(link_state, '') <> 'LINKED'
        and base_amount - line_amount + case when form = 'points' then 0 else coalesce(points_amount, 0) end
            not in (0, -coalesce(tax_amount, 0), coalesce(tax_amount, 0)))
    or (form = 'points' and abs(
        cast(points_amount as {{ wide_integer() }}) * rate_ppm - cast(computed_amount as {{ wide_integer() }}) * 1000000
    ) >= 1000000)
    or (form = 'reversal' and 2 * abs(
        cast(computed_amount as {{ wide_integer() }}) * after_amount - cast(after_value as {{ wide_integer() }}) * base_amount
    ) > abs(base_amount))
