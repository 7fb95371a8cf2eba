-- What a member of the programme gets and gives: joining, points, coupons, stored-value and count cards.
with customer_records as (
    select * from {{ ref('stg_files__customers') }}
),

members as (
    select * from {{ ref('stg_files__members') }}
),

points as (
    select * from {{ ref('stg_files__points') }}
),

coupons as (
    select * from {{ ref('stg_files__coupons') }}
),

cards as (
    select * from {{ ref('stg_files__cards') }}
),

record_customers as (
    select people.* from {{ ref('record_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
),

registered as (
    select
        record_customers.customer_id,
        'registered' as kind,
        'customer' as actor,
        'member' as channel,
        customer_records.store_id,
        cast(null as string) as staff_id,
        'record' as object_type,
        customer_records.record_id as object_id,
        'registered' as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        customer_records.registered_at as occurred_at
    from customer_records
    inner join record_customers on 'customers:' || customer_records.record_id = record_customers.record_id
),

joined as (
    select
        record_customers.customer_id,
        'member_joined' as kind,
        'customer' as actor,
        'member' as channel,
        members.store_id,
        members.staff_id,
        'member' as object_type,
        members.member_no as object_id,
        case when members.level is null then 'member_joined' else 'member_joined.level' end as text_key,
        case when members.level is not null then {{ arguments({'level': 'members.level'}) }} end as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        members.joined_at as occurred_at
    from members
    inner join record_customers on 'members:' || members.member_no = record_customers.record_id
),

points_moved as (
    select
        record_customers.customer_id,
        case
            when lower(points.kind) in ('expired', '过期') then 'points_expired'
            when points.points > 0 then 'points_earned'
            else 'points_spent'
        end as kind,
        points.entry_id,
        points.store_id,
        case
            when points.kind = 'adjusted' then '.adjusted'
            when points.kind = 'returned' and points.points > 0 then '.returned'
            else ''
        end as variant,
        {{ arguments({'points': 'abs(points.points)'}) }} as arguments,
        points.occurred_at
    from points
    inner join record_customers on 'points:' || points.entry_id = record_customers.record_id
),

points_told as (
    select
        customer_id,
        kind,
        case when kind = 'points_spent' then 'customer' else 'company' end as actor,
        'member' as channel,
        store_id,
        cast(null as string) as staff_id,
        'points' as object_type,
        entry_id as object_id,
        kind || variant as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        occurred_at
    from points_moved
),

coupons_of_customers as (
    select
        record_customers.customer_id,
        coupons.coupon_code,
        coupons.store_id,
        coupons.channel,
        case when coupons.coupon_name is not null then {{ arguments({'coupon': 'coupons.coupon_name'}) }} end as arguments,
        coupons.currency,
        coupons.discount_amount,
        coupons.issued_at,
        coupons.used_at
    from coupons
    inner join record_customers on 'coupons:' || coupons.coupon_code = record_customers.record_id
),

-- the shop of a coupon is where it was used: of its issue none is known
coupons_received as (
    select
        customer_id,
        'coupon_received' as kind,
        'company' as actor,
        coalesce(channel, 'member') as channel,
        cast(null as string) as store_id,
        cast(null as string) as staff_id,
        'coupon' as object_type,
        coupon_code as object_id,
        case when arguments is null then 'coupon_received' else 'coupon_received.coupon' end as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        issued_at as occurred_at
    from coupons_of_customers
),

coupons_redeemed as (
    select
        customer_id,
        'coupon_redeemed' as kind,
        'customer' as actor,
        'member' as channel,
        store_id,
        cast(null as string) as staff_id,
        'coupon' as object_type,
        coupon_code as object_id,
        case when arguments is null then 'coupon_redeemed' else 'coupon_redeemed.coupon' end as text_key,
        arguments,
        case when discount_amount is not null then currency end as currency,
        discount_amount as amount,
        used_at as occurred_at
    from coupons_of_customers
    where used_at is not null
),

cards_moved as (
    select
        record_customers.customer_id,
        case
            when cards.kind in ('opened', 'topped_up') then 'card_bought'
            when cards.kind = 'used' then 'card_used'
            else 'card_changed'
        end as kind,
        cards.kind as entry_kind,
        cards.entry_id,
        cards.store_id,
        cards.staff_id,
        cards.card_type = 'count' and cards.times is not null as counts_times,
        cards.times,
        case when cards.card_type = 'stored_value' then cards.amount end as amount,
        cards.currency,
        cards.occurred_at
    from cards
    inner join record_customers on 'cards:' || cards.entry_id = record_customers.record_id
),

cards_told as (
    select
        customer_id,
        kind,
        case when kind = 'card_changed' then 'company' else 'customer' end as actor,
        'member' as channel,
        store_id,
        staff_id,
        'card' as object_type,
        entry_id as object_id,
        case
            when kind = 'card_changed' and entry_kind in ('refunded', 'expired', 'moved') then kind || '.' || entry_kind
            when kind = 'card_changed' then kind
            when counts_times then kind || '.times'
            when entry_kind = 'topped_up' then 'card_bought.topped_up'
            else kind
        end as text_key,
        case
            when counts_times and kind <> 'card_changed' then {{ arguments({'times': number_text('abs(times)')}) }}
        end as arguments,
        case when amount is not null then currency end as currency,
        abs(amount) as amount,
        occurred_at
    from cards_moved
),

interactions__member as (
    select * from registered
    union all
    select * from joined
    union all
    select * from points_told
    union all
    select * from coupons_received
    union all
    select * from coupons_redeemed
    union all
    select * from cards_told
)

select * from interactions__member
