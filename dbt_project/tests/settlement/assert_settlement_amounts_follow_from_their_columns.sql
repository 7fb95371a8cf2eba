{{ config(tags=['facts']) }}
-- I2, I3, I15: every amount can be worked out again from its own row, and stays between floor and ceiling.
-- Multiplied out, so that nothing is divided: floor x total <= size x weight < (floor + 1) x total.
with entries as (
    select
        *,
        cast(abs(base_amount) as {{ wide_integer() }}) * weight as product,
        cast(floor_amount as {{ wide_integer() }}) * weight_total as floor_product
    from {{ ref('settlement_entries') }}
)

select * from entries
where
    floor_product > product
    or product - floor_product >= weight_total
    or rounding not in (0, 1)
    or (rounding = 1 and product = floor_product)
    or abs(amount) <> floor_amount + rounding
    or (base_amount >= 0 and amount < 0)
    or (base_amount < 0 and amount > 0)
