-- What a person should decide: customers who are likely one, and orders that could be one of several people's. First what is
-- worth the most: the money of the smaller side times how open the question is, 1 at even odds and 0 when it is sure.
with run as (
    select * from {{ source('lake', 'run') }}
),

likely as (
    select * from {{ source('lake', 'identity_likely') }}
    where decision = 'review'
),

contested as (
    select * from {{ ref('identity_contested') }}
),

choices as (
    select * from {{ ref('identity_choices') }}
),

persona_customers as (
    select * from {{ source('lake', 'persona_customers') }}
),

identity_records as (
    select * from {{ ref('identity_records') }}
),

personas as (
    select * from {{ ref('personas') }}
),

orders as (
    select * from {{ ref('orders') }}
),

-- what was paid less what was given back, in the company's currency only: amounts of several are never added
worth as (
    select
        orders.order_key,
        orders.customer_id,
        case
            when orders.is_sale and orders.currency = run.company_currency
                then orders.paid_amount - orders.refunded_amount
        end as amount
    from orders
    cross join run
),

worth_of_customers as (
    select
        customer_id,
        sum(amount) as amount
    from worth
    where customer_id is not null
    group by customer_id
),

likely_customers as (
    select
        left_side.customer_id,
        right_side.customer_id as other_customer_id,
        likely.evidence,
        cast(round(likely.probability * 1000000, 0) as bigint) as probability_ppm,
        cast(round(likely.weight * 1000000, 0) as bigint) as weight_ppm,
        greatest(left_persona.last_seen_at, right_persona.last_seen_at) as seen_at
    from likely
    inner join persona_customers as left_side on likely.left_persona = left_side.persona_id
    inner join persona_customers as right_side on likely.right_persona = right_side.persona_id
    inner join personas as left_persona on likely.left_persona = left_persona.persona_id
    inner join personas as right_persona on likely.right_persona = right_persona.persona_id
    where left_side.customer_id <> right_side.customer_id
    qualify row_number() over (
        partition by
            least(left_side.customer_id, right_side.customer_id),
            greatest(left_side.customer_id, right_side.customer_id)
        order by likely.weight desc, likely.left_persona, likely.right_persona
    ) = 1
),

pairs as (
    select
        likely_customers.customer_id,
        likely_customers.other_customer_id,
        'likely' as kind,
        likely_customers.evidence,
        likely_customers.probability_ppm,
        likely_customers.weight_ppm,
        least(coalesce(worth_of_one.amount, 0), coalesce(worth_of_other.amount, 0)) as amount,
        likely_customers.seen_at
    from likely_customers
    left join worth_of_customers as worth_of_one on likely_customers.customer_id = worth_of_one.customer_id
    left join worth_of_customers as worth_of_other on likely_customers.other_customer_id = worth_of_other.customer_id
),

nobodys as (
    select contested.persona_id
    from contested
    left join persona_customers on contested.persona_id = persona_customers.persona_id
    where persona_customers.persona_id is null
),

orders_torn as (
    select
        nobodys.persona_id,
        min(identity_records.record_id) as record_id,
        count(*) as records_count,
        coalesce(sum(worth.amount), 0) as amount,
        max(identity_records.observed_at) as seen_at
    from nobodys
    inner join identity_records on nobodys.persona_id = identity_records.persona_id
    inner join worth on identity_records.record_id = 'orders:' || worth.order_key
    group by nobodys.persona_id
),

possible as (
    select distinct
        nobodys.persona_id,
        persona_customers.customer_id
    from nobodys
    inner join choices on nobodys.persona_id = choices.persona_id
    inner join persona_customers on choices.claimant = persona_customers.persona_id
),

torn as (
    select
        possible.customer_id,
        orders_torn.persona_id,
        orders_torn.record_id,
        'torn' as kind,
        {{ integer_division('1000000', 'count(*) over (partition by possible.persona_id)') }} as probability_ppm,
        orders_torn.records_count,
        orders_torn.amount,
        orders_torn.seen_at
    from possible
    inner join orders_torn on possible.persona_id = orders_torn.persona_id
),

questions as (
    select
        kind,
        customer_id,
        other_customer_id,
        cast(null as bigint) as persona_id,
        cast(null as string) as record_id,
        evidence,
        probability_ppm,
        weight_ppm,
        cast(null as bigint) as records_count,
        amount,
        seen_at
    from pairs
    union all
    select
        kind,
        customer_id,
        cast(null as string) as other_customer_id,
        persona_id,
        record_id,
        cast(null as string) as evidence,
        probability_ppm,
        cast(null as bigint) as weight_ppm,
        records_count,
        amount,
        seen_at
    from torn
),

valued as (
    select
        *,
        {{ integer_division(
            'greatest(amount, 0) * (1000000 - abs(2 * probability_ppm - 1000000))', '1000000'
        ) }} as value
    from questions
),

published as (
    select
        cast(row_number() over (
            order by value desc, seen_at desc, kind, customer_id, other_customer_id, record_id
        ) as bigint) as place,
        kind,
        customer_id,
        other_customer_id,
        persona_id,
        record_id,
        evidence,
        run.company_currency as currency,
        cast(probability_ppm as bigint) as probability_ppm,
        weight_ppm,
        records_count,
        cast(amount as bigint) as amount,
        cast(value as bigint) as value,
        seen_at
    from valued
    cross join run
)

select * from published
