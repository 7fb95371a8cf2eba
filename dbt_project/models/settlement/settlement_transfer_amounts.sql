{{ config(materialized='incremental_by_key', by=['group_id']) }}
{{ touched([
    changed(ref('settlement_transfer_items'), ['group_id']),
]) }}
-- Grain: (posting_id, component). What the payee of an item gets: by the line with its bounds, by the order's total given
-- back to its lines by largest remainder, or by what the rule says of all that was accumulated, less what it said before.
with items as (
    select item.* from {{ ref('settlement_transfer_items') }} as item
    {{ only_touched(['item.group_id']) }}
),

rules as (
    select * from {{ source('lake', 'settlement_transfer_rules') }}
),

slices as (
    select * from {{ source('lake', 'settlement_slices') }}
),

ruled as (
    select
        items.*,
        rules.package_size_milli,
        rules.package_price,
        rules.package_rounding,
        rules.cap_amount,
        rules.floor_amount as least_amount
    from items
    inner join rules
        on items.rule_id = rules.rule_id
        and items.rule_version = rules.rule_version
        and items.component = rules.component
),

-- one line
lines as (
    select
        *,
        case when computed_amount < 0 or (computed_amount = 0 and base_amount < 0) then -1 else 1 end
        * greatest(
            least(abs(computed_amount), coalesce(cap_amount, abs(computed_amount))),
            least(coalesce(least_amount, 0), abs(base_amount))
        ) as amount
    from ruled
    where level = 'line'
),

-- the lines of an order
order_totals as (
    select
        *,
        cast(sum(computed_amount) over (partition by group_id) as bigint) as computed_total,
        cast(sum(base_amount) over (partition by group_id) as bigint) as base_total,
        row_number() over (partition by group_id order by {{ order_of_items() }}) as tie_no
    from ruled
    where level = 'order'
),

order_bounds as (
    select
        *,
        case
            when form = 'fixed' and fixed_per = 'order' then computed_amount
            else case when computed_total < 0 or (computed_total = 0 and base_total < 0) then -1 else 1 end
                * greatest(
                    least(abs(computed_total), coalesce(cap_amount, abs(computed_total))),
                    least(coalesce(least_amount, 0), abs(base_total))
                )
        end as total,
        case
            when form = 'fixed' and fixed_per = 'order' then abs(base_amount)
            when computed_total <> 0 then abs(computed_amount)
            else abs(base_amount)
        end as stated_weight
    from order_totals
),

order_weights as (
    select
        *,
        abs(total) as size,
        case when sum(stated_weight) over (partition by group_id) = 0 then 1 else stated_weight end as weight,
        case
            when sum(stated_weight) over (partition by group_id) = 0 then count(*) over (partition by group_id)
            else cast(sum(stated_weight) over (partition by group_id) as bigint)
        end as weight_total
    from order_bounds
),

order_shares as (
    {{ largest_remainder_rows('order_weights', 'size', 'weight', 'weight_total', ['group_id'], 'tie_no') }}
),

-- what accumulates in a period
running as (
    select
        *,
        case form
            when 'tiers' then base_amount
            when 'package' then quantity_milli
            else computed_amount
        end as measure,
        cast(sum(case form when 'tiers' then base_amount when 'package' then quantity_milli else computed_amount end) over (
            partition by group_id order by {{ order_of_items() }}
            rows between unbounded preceding and current row
        ) as bigint) as after_amount
    from ruled
    where level not in ('line', 'order')
),

reached as (
    select
        running.*,
        running.after_amount - running.measure as before_amount,
        slices_before.offset_e6 as before_offset,
        slices_before.rate_ppm as before_rate,
        slices_after.offset_e6 as after_offset,
        slices_after.rate_ppm as after_rate
    from running
    left join slices as slices_before
        on running.rule_id = slices_before.rule_id
        and running.rule_version = slices_before.rule_version
        and abs(running.after_amount - running.measure) >= slices_before.starts_at
        and abs(running.after_amount - running.measure) < coalesce(slices_before.ends_before, 9223372036854775807)
    left join slices as slices_after
        on running.rule_id = slices_after.rule_id
        and running.rule_version = slices_after.rule_version
        and abs(running.after_amount) >= slices_after.starts_at
        and abs(running.after_amount) < coalesce(slices_after.ends_before, 9223372036854775807)
),

valued as (
    select
        *
        {%- for moment in ['before', 'after'] %},
        case when {{ moment }}_amount < 0 then -1 else 1 end * least(
            case form
                when 'tiers' then {{ half_up(
                    '(cast(abs(' ~ moment ~ '_amount) as ' ~ wide_integer() ~ ') * ' ~ moment ~ '_rate + ' ~ moment ~ '_offset)', '1000000'
                ) }}
                when 'package' then cast({{ integer_division(
                    '(abs(' ~ moment ~ "_amount) + case when package_rounding = 'ceil' then package_size_milli - 1 else 0 end)", 'package_size_milli'
                ) }} as bigint) * package_price
                else abs({{ moment }}_amount)
            end,
            coalesce(cap_amount, 9223372036854775807)
        ) as {{ moment }}_value
        {%- endfor %}
    from reached
),

together as (
    select
        {{ transfer_columns() }},
        computed_amount,
        case
            when amount = computed_amount then null
            when abs(amount) < abs(computed_amount) then 'cap'
            else 'floor'
        end as bound,
        case when amount <> computed_amount then amount end as bound_amount,
        cast(null as bigint) as weight,
        cast(null as bigint) as weight_total,
        cast(null as bigint) as floor_amount,
        cast(null as int) as rounding,
        cast(null as bigint) as before_amount,
        cast(null as bigint) as after_amount,
        cast(null as bigint) as before_value,
        cast(null as bigint) as after_value,
        amount
    from lines

    union all

    select
        {{ transfer_columns() }},
        case when form = 'fixed' and fixed_per = 'order' then base_amount else computed_amount end as computed_amount,
        case
            when (form = 'fixed' and fixed_per = 'order') or total = computed_total then null
            when abs(total) < abs(computed_total) then 'cap'
            else 'floor'
        end as bound,
        case when form = 'fixed' or total <> computed_total then total end as bound_amount,
        cast(weight as bigint) as weight,
        cast(weight_total as bigint) as weight_total,
        floor_share as floor_amount,
        cast(share - floor_share as int) as rounding,
        cast(null as bigint) as before_amount,
        cast(null as bigint) as after_amount,
        cast(null as bigint) as before_value,
        cast(null as bigint) as after_value,
        cast(case when total < 0 then -share else share end as bigint) as amount
    from order_shares

    union all

    select
        {{ transfer_columns() }},
        cast(null as bigint) as computed_amount,
        cast(null as string) as bound,
        cast(null as bigint) as bound_amount,
        cast(null as bigint) as weight,
        cast(null as bigint) as weight_total,
        cast(null as bigint) as floor_amount,
        cast(null as int) as rounding,
        before_amount,
        after_amount,
        before_value,
        after_value,
        after_value - before_value as amount
    from valued
)

select * from together
