{%- set payment_line = charge_id(['channel', 'account_id', 'kind', 'transaction_id', 'entry_id', 'cast(occurrence as string)']) %}
{%- set statement_line = charge_id(['platform', 'account_id', 'entry_id', 'kind']) %}
{%- set order_cost = charge_id(['order_id', 'store_id', 'kind', 'currency']) %}
{%- set numbers_asked = 'where order_id in (select order_id from charges union all select other_order_id from charges)' %}
{{ config(materialized='incremental_by_key', by=['source_id']) }}
{{ touched([
    changed(ref('stg_bills__payment_lines'), [payment_line]),
    changed(ref('stg_files__shop_statements'), [statement_line]),
    changed(ref('stg_files__costs'), [order_cost]),
    of_changed_numbers(ref('stg_bills__payment_lines'), payment_line, ['order_id'], ref('sold_lines')),
    of_changed_numbers(ref('stg_files__shop_statements'), statement_line, ['order_id', 'platform_order_id'], ref('sold_lines')),
    of_changed_numbers(ref('stg_files__costs'), order_cost, ['order_id'], ref('sold_lines')),
    of_changed_numbers(ref('stg_files__shop_statements'), statement_line, ['order_id'], ref('stg_bills__payment_lines')),
]) }}
-- Grain: (source, source_id). Fees of payment bills, lines of platforms' bills and costs of whole orders, each with the order
-- that it is of, if that is known: by store and number; a number alone must be that of one order only. amount is positive
-- when the company gets it. order_key is null when no order that was sold is found.
with payment_lines as (
    select
        billed.*,
        {{ payment_line }} as source_id
    from {{ ref('stg_bills__payment_lines') }} as billed
    {{ only_touched([payment_line]) }}
),

statements as (
    select
        stated.*,
        {{ statement_line }} as source_id
    from {{ ref('stg_files__shop_statements') }} as stated
    {{ only_touched([statement_line]) }}
),

costs as (
    select
        known.*,
        {{ order_cost }} as source_id
    from {{ ref('stg_files__costs') }} as known
    {{ only_touched([order_cost]) }}
),

billed_orders as (
    select
        channel,
        order_id
    from {{ ref('stg_bills__payment_lines') }}
    {{ only_going_on('where order_id in (select order_id from statements)') }}
),

components as (
    select * from {{ source('lake', 'value_components') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

from_bills as (
    select
        'payment_bill' as source,
        source_id,
        'fee' as component,
        'fee' as kind,
        store_id,
        order_id,
        cast(null as string) as other_order_id,
        -- a bill knows stores by the channel's numbers
        false as names_own_store,
        kind = 'refund' as is_of_refund,
        currency,
        fee_amount as amount,
        {{ local_date('occurred_at', 'this_run.company_timezone') }} as charged_on
    from payment_lines
    cross join this_run
    where fee_amount <> 0 and coalesce(refund_status, 'SUCCESS') <> 'FAIL'
),

-- a payment channel's own bill goes before a table made by hand from it
from_statements as (
    select
        'statement' as source,
        statements.source_id,
        coalesce(components.component, 'fee') as component,
        statements.kind,
        statements.store_id,
        statements.order_id,
        statements.platform_order_id as other_order_id,
        true as names_own_store,
        statements.refund_id is not null as is_of_refund,
        statements.currency,
        case when components.component is not null then statements.amount else statements.fee_amount end as amount,
        {{ local_date('statements.occurred_at', 'this_run.company_timezone') }} as charged_on
    from statements
    cross join this_run
    left join components on components.source = 'statements' and statements.kind = components.kind
    where not exists (
        select 1 from billed_orders
        where billed_orders.channel = statements.platform
            and billed_orders.order_id = statements.order_id
    )
        and case when components.component is not null then statements.amount else statements.fee_amount end <> 0
),

newest_order_costs as (
    select *
    from costs
    where order_id <> '*'
    qualify row_number() over (partition by order_id, store_id, kind, currency order by valid_from desc) = 1
),

from_costs as (
    select
        'costs' as source,
        costs.source_id,
        coalesce(components.component, 'cost') as component,
        costs.kind,
        case when costs.store_id <> '*' then costs.store_id end as store_id,
        costs.order_id,
        cast(null as string) as other_order_id,
        true as names_own_store,
        false as is_of_refund,
        costs.currency,
        -costs.amount as amount,
        costs.valid_from as charged_on
    from newest_order_costs as costs
    left join components on components.source = 'costs' and costs.kind = components.kind
    where costs.amount <> 0
),

charges as (
    select * from from_bills
    union all
    select * from from_statements
    union all
    select * from from_costs
),

-- an order has one key, so a number that is of one order only names its store too
numbers as (
    select
        order_id,
        min(store_id) as store_id,
        min(order_key) as order_key,
        min(order_key) = max(order_key) as is_of_one_order
    from {{ ref('sold_lines') }}
    {{ only_going_on(numbers_asked) }}
    group by order_id
),

-- a channel's own number is said in few charges
other_numbers as (
    select numbers.*
    from numbers
    inner join (
        select distinct platform_order_id from statements
    ) as said on numbers.order_id = said.platform_order_id
),

orders_of_shared_numbers as (
    select distinct
        lines.store_id,
        lines.order_id,
        lines.order_key
    from {{ ref('sold_lines') }} as lines
    inner join numbers
        on lines.order_id = numbers.order_id
        and not numbers.is_of_one_order
),

order_charges as (
    select
        charges.source,
        charges.source_id,
        charges.component,
        charges.kind,
        coalesce(
            case when charges.store_id = by_number.store_id and by_number.is_of_one_order then by_number.order_key end,
            in_store.order_key,
            case
                when charges.store_id = by_other_number.store_id and by_other_number.is_of_one_order
                    then by_other_number.order_key
            end,
            other_in_store.order_key,
            case
                when charges.store_id is null or not charges.names_own_store
                    then coalesce(
                        case when by_number.is_of_one_order then by_number.order_key end,
                        case when by_other_number.is_of_one_order then by_other_number.order_key end
                    )
            end
        ) as order_key,
        charges.is_of_refund,
        charges.currency,
        charges.amount,
        charges.charged_on
    from charges
    left join numbers as by_number on charges.order_id = by_number.order_id
    left join other_numbers as by_other_number on charges.other_order_id = by_other_number.order_id
    left join orders_of_shared_numbers as in_store
        on charges.store_id = in_store.store_id
        and charges.order_id = in_store.order_id
    left join orders_of_shared_numbers as other_in_store
        on charges.store_id = other_in_store.store_id
        and charges.other_order_id = other_in_store.order_id
)

select * from order_charges
