-- Who looked after a customer at what time. Every rule of the customer document makes claims with a beginning and an end; at
-- each moment the first rule with a standing claim decides, and of its claims the earliest.
with rules as (
    select * from {{ source('lake', 'customer_rules') }}
    where subject = 'owner'
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

identifiers as (
    select * from {{ ref('customer_identifiers') }}
),

follows as (
    select * from {{ ref('stg_wecom__follows') }}
),

events as (
    select * from {{ ref('stg_wecom__events') }}
),

members as (
    select * from {{ ref('stg_files__members') }}
),

record_customers as (
    select * from {{ ref('record_customers') }}
),

orders as (
    select * from {{ ref('orders') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

deletions as (
    select
        userid,
        external_userid,
        max(occurred_at) as ended_at
    from events
    where change_type in ('del_external_contact', 'del_follow_user')
    group by userid, external_userid
),

follows_in_order as (
    select
        *,
        lead(followed_at) over (partition by external_userid order by followed_at, userid) as next_followed_at
    from follows
),

-- Of a follow-up that is gone the end is the deletion that WeCom told, else the next colleague's beginning (a handover), else
-- unknown: then some time before this run.
ended_follows as (
    select
        follows_in_order.userid,
        follows_in_order.external_userid,
        follows_in_order.followed_at,
        case
            when follows_in_order.is_current then null
            when deletions.ended_at > follows_in_order.followed_at then deletions.ended_at
            when follows_in_order.next_followed_at > follows_in_order.followed_at then follows_in_order.next_followed_at
            else this_run.as_of
        end as ended_at
    from follows_in_order
    left join deletions
        on follows_in_order.userid = deletions.userid
        and follows_in_order.external_userid = deletions.external_userid
    cross join this_run
),

follow_claims as (
    select
        identifiers.customer_id,
        'earliest_follow_up' as rule,
        ended_follows.userid,
        ended_follows.external_userid as object_id,
        ended_follows.followed_at as claimed_from,
        ended_follows.ended_at as claimed_to
    from ended_follows
    inner join identifiers
        on ended_follows.external_userid = identifiers.identifier
        and identifiers.identifier_type = 'external_userid'
        and identifiers.is_owner
),

sales as (
    select
        orders.customer_id,
        orders.salesperson_id,
        orders.order_key,
        orders.sold_at,
        lag(orders.salesperson_id) over (
            partition by orders.customer_id order by orders.sold_at, orders.order_key
        ) as salesperson_before
    from orders
    inner join rules on rules.rule = 'latest_order'
    where orders.is_sale and orders.customer_id is not null and orders.salesperson_id is not null
),

order_claims as (
    select
        customer_id,
        'latest_order' as rule,
        salesperson_id as userid,
        order_key as object_id,
        sold_at as claimed_from,
        lead(sold_at) over (partition by customer_id order by sold_at, order_key) as claimed_to
    from sales
    where salesperson_before is null or salesperson_before <> salesperson_id
),

member_claims as (
    select
        record_customers.customer_id,
        'declared' as rule,
        members.staff_id as userid,
        members.member_no as object_id,
        members.joined_at as claimed_from,
        cast(null as timestamp) as claimed_to
    from members
    inner join record_customers on 'members:' || members.member_no = record_customers.record_id
    where members.staff_id is not null
),

claims as (
    select
        said.customer_id,
        said.rule,
        said.userid,
        said.object_id,
        rules.rule_seq,
        said.claimed_from,
        said.claimed_to
    from (
        select * from follow_claims
        union all
        select * from order_claims
        union all
        select * from member_claims
    ) as said
    inner join rules on said.rule = rules.rule
    where said.claimed_to is null or said.claimed_to > said.claimed_from
),

moments as (
    select
        customer_id,
        claimed_from as moment
    from claims
    union
    select
        customer_id,
        claimed_to as moment
    from claims
    where claimed_to is not null
),

at_moments as (
    select
        moments.customer_id,
        moments.moment,
        claims.userid,
        claims.rule
    from moments
    left join claims
        on moments.customer_id = claims.customer_id
        and claims.claimed_from <= moments.moment
        and (claims.claimed_to is null or moments.moment < claims.claimed_to)
    qualify row_number() over (
        partition by moments.customer_id, moments.moment
        order by
            case when claims.rule_seq is null then 1 else 0 end,
            claims.rule_seq,
            claims.claimed_from,
            claims.userid,
            claims.object_id
    ) = 1
),

changes as (
    select
        *,
        lag(coalesce(rule || ':' || userid, '')) over (partition by customer_id order by moment) as before_it
    from at_moments
),

spans as (
    select
        customer_id,
        userid,
        rule,
        moment as valid_from,
        lead(moment) over (partition by customer_id order by moment) as valid_to
    from changes
    where before_it is null or before_it <> coalesce(rule || ':' || userid, '')
),

-- Who looks after a customer does so from the store in which they work now; who did, from the last one in which they worked
-- in that time. A move inside it is no change of the owner: the customer goes with the employee.
last_periods as (
    select
        spans.customer_id,
        spans.valid_from,
        max_by(staff_periods.store_id, staff_periods.starts_at) as store_id
    from spans
    cross join this_run
    inner join staff_periods
        on spans.userid = staff_periods.staff_id
        and (
            (spans.valid_to is null and staff_periods.starts_at <= this_run.as_of and this_run.as_of < staff_periods.ends_at)
            or (staff_periods.starts_at < spans.valid_to and spans.valid_from < staff_periods.ends_at)
        )
    where staff_periods.store_id is not null
    group by spans.customer_id, spans.valid_from
),

customer_owners as (
    select
        spans.customer_id,
        spans.userid,
        last_periods.store_id,
        spans.rule,
        spans.valid_from,
        spans.valid_to
    from spans
    left join last_periods
        on spans.customer_id = last_periods.customer_id
        and spans.valid_from = last_periods.valid_from
    where spans.userid is not null
)

select * from customer_owners
