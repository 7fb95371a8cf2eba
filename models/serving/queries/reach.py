"""Who can be reached how, who was lost, how alive groups are, which tags there are; and the same of one customer.

A period is closed: ``first`` and ``last`` are civil days of the company, both in it.
"""

from models.serving.query import BOOLEAN, COUNT, DAY, TEXT, TIME, Choice, Day, Key, Limit, Query

CHANNELS = ("wecom", "sms", "phone", "email", "mini_program", "official_account")
#: Why somebody cannot be reached, in the order in which the first counts.
REASONS = ("no_contact_point", "friend_lost", "under_14", "withdrawn", "no_consent", "do_not_contact")
CAUSES = ("deleted_by_customer", "deleted_by_staff", "handed_over", "staff_left", "unknown")
PURPOSES = ("marketing", "service")

# reason null: reachable
BY_CHANNEL = Query(
    id="reach_channels",
    sql="""
        select channel, marketing_reason, service_reason, count(*) as customers
        from visible_customer_reachability
        group by channel, marketing_reason, service_reason
        order by channel, customers desc, marketing_reason, service_reason
    """,
    columns={"channel": TEXT, "marketing_reason": TEXT, "service_reason": TEXT, "customers": COUNT},
    parameters={},
)

# A customer counts in every store in which there is a fact of theirs: stores do not add up to the company.
BY_STORE = Query(
    id="reach_stores",
    sql="""
        reachable as (
            select customer_id from visible_customer_reachability
            where
                channel = $reach_channel
                and case when $purpose = 'service' then is_service_reachable else is_marketing_reachable end
        ),
        counted as (
            select
                visible_customer_stores.store_id,
                count(*) as customers,
                count(reachable.customer_id) as reachable
            from visible_customer_stores
            left join reachable on reachable.customer_id = visible_customer_stores.customer_id
            group by visible_customer_stores.store_id
        )
        select
            counted.store_id,
            visible_stores.name as store_name,
            counted.customers,
            counted.reachable
        from counted
        left join visible_stores on visible_stores.store_id = counted.store_id
        order by counted.customers desc, counted.store_id
        limit $limit
    """,
    columns={"store_id": TEXT, "store_name": TEXT, "customers": COUNT, "reachable": COUNT},
    parameters={"reach_channel": Choice(CHANNELS), "purpose": Choice(PURPOSES), "limit": Limit()},
)

_LOST = """
        lost as (
            select
                visible_friend_losses.*,
                timezone(visible_publication.company_timezone, timezone('UTC', lost_at))::date as lost_on
            from visible_friend_losses
            cross join visible_publication
        )"""

LOSSES = Query(
    id="reach_losses",
    sql=f"""{_LOST}
        select date_trunc('month', lost_on)::date as month, cause, count(*) as losses
        from lost
        where lost_on between $first and $last
        group by all
        order by month, cause
    """,  # noqa: S608 - a text of this module
    columns={"month": DAY, "cause": TEXT, "losses": COUNT},
    parameters={"first": Day(), "last": Day()},
)

LOSSES_BY_STAFF = Query(
    id="reach_losses_by_staff",
    sql=f"""{_LOST},
        counted as (
            select
                userid,
                store_id,
                count(*) as losses,
                count(*) filter (where cause = 'deleted_by_customer') as deleted_by_customer,
                count(*) filter (where cause = 'deleted_by_staff') as deleted_by_staff,
                count(*) filter (where cause = 'handed_over') as handed_over,
                count(*) filter (where cause = 'staff_left') as staff_left,
                count(*) filter (where cause = 'unknown') as unknown
            from lost
            where lost_on between $first and $last
            group by userid, store_id
        )
        select
            counted.userid,
            visible_staff.name as staff_name,
            counted.store_id,
            visible_stores.name as store_name,
            counted.losses,
            counted.deleted_by_customer,
            counted.deleted_by_staff,
            counted.handed_over,
            counted.staff_left,
            counted.unknown
        from counted
        left join visible_staff on visible_staff.userid = counted.userid
        left join visible_stores on visible_stores.store_id = counted.store_id
        order by counted.losses desc, counted.userid, counted.store_id
        limit $limit
    """,  # noqa: S608 - a text of this module
    columns={
        "userid": TEXT,
        "staff_name": TEXT,
        "store_id": TEXT,
        "store_name": TEXT,
        "losses": COUNT,
        **dict.fromkeys(CAUSES, COUNT),
    },
    parameters={"first": Day(), "last": Day(), "limit": Limit()},
)

GROUPS = Query(
    id="reach_groups",
    sql="""
        select
            visible_group_engagement.corp_id,
            visible_group_engagement.chat_id,
            visible_group_engagement.name,
            visible_staff.name as owner_name,
            visible_group_engagement.store_id,
            visible_stores.name as store_name,
            visible_group_engagement.members,
            visible_group_engagement.external_members,
            visible_group_engagement.messages_30,
            visible_group_engagement.speakers_30,
            visible_group_engagement.joined_30,
            visible_group_engagement.left_30,
            visible_group_engagement.silent_ppm
        from visible_group_engagement
        left join visible_staff on visible_staff.userid = visible_group_engagement.owner_userid
        left join visible_stores on visible_stores.store_id = visible_group_engagement.store_id
        where visible_group_engagement.is_current
        order by
            visible_group_engagement.members desc, visible_group_engagement.corp_id, visible_group_engagement.chat_id
        limit $limit
    """,
    columns={
        **dict.fromkeys(("corp_id", "chat_id", "name", "owner_name", "store_id", "store_name"), TEXT),
        **dict.fromkeys(("members", "external_members", "messages_30", "speakers_30", "joined_30", "left_30"), COUNT),
        "silent_ppm": COUNT,
    },
    parameters={"limit": Limit()},
)

# Of one tag several names: the one that most people have.
TAGS = Query(
    id="reach_tags",
    sql="""
        named as (
            select
                source, tag_key, name, name_en, tag_group, tag_group_en, count(distinct customer_id) as people,
                max(since) as last_given_on
            from visible_customer_tags
            where until is null
            group by all
        )
        select
            source,
            tag_key,
            max_by(name, (people, name)) as name,
            max_by(name_en, (people, name)) as name_en,
            max_by(tag_group, (people, name)) as tag_group,
            max_by(tag_group_en, (people, name)) as tag_group_en,
            sum(people)::bigint as customers,
            max(last_given_on) as last_given_on
        from named
        group by source, tag_key
        order by customers desc, source, tag_key
        limit $limit
    """,
    columns={
        **dict.fromkeys(("source", "tag_key", "name", "name_en", "tag_group", "tag_group_en"), TEXT),
        "customers": COUNT,
        "last_given_on": DAY,
    },
    parameters={"limit": Limit()},
)

# Those that hold first, then what was.
TAGS_OF_CUSTOMER = Query(
    id="customer_tags",
    sql="""
        select
            visible_customer_tags.source,
            visible_customer_tags.tag_key,
            visible_customer_tags.name,
            visible_customer_tags.name_en,
            visible_customer_tags.tag_group,
            visible_customer_tags.tag_group_en,
            visible_customer_tags.reason,
            visible_staff.name as staff_name,
            visible_customer_tags.since,
            visible_customer_tags.until
        from visible_customer_tags
        left join visible_staff on visible_staff.userid = visible_customer_tags.staff_id
        where visible_customer_tags.customer_id = $customer_id
        order by
            visible_customer_tags.until desc nulls first, visible_customer_tags.since desc,
            visible_customer_tags.source, visible_customer_tags.tag_key, visible_customer_tags.staff_id,
            visible_customer_tags.period
        limit $limit
    """,
    columns={
        **dict.fromkeys(("source", "tag_key", "name", "name_en", "tag_group", "tag_group_en"), TEXT),
        "reason": TEXT,
        "staff_name": TEXT,
        "since": DAY,
        "until": DAY,
    },
    parameters={"customer_id": Key(), "limit": Limit()},
)

REACH_OF_CUSTOMER = Query(
    id="customer_reach",
    sql="""
        select
            channel, marketing_reason, service_reason, is_marketing_reachable, is_service_reachable,
            marketing_since, service_since
        from visible_customer_reachability
        where customer_id = $customer_id
        order by channel
    """,
    columns={
        "channel": TEXT,
        "marketing_reason": TEXT,
        "service_reason": TEXT,
        "is_marketing_reachable": BOOLEAN,
        "is_service_reachable": BOOLEAN,
        "marketing_since": TIME,
        "service_since": TIME,
    },
    parameters={"customer_id": Key()},
)

ENGAGEMENT_OF_CUSTOMER = Query(
    id="customer_engagement",
    sql="""
        select
            messages_7, messages_30, messages_90, staff_messages_90, sessions_90, active_days_90,
            recency_points, active_day_points, message_points, score
        from visible_customer_engagement
        where customer_id = $customer_id
    """,
    columns=dict.fromkeys(
        (
            *("messages_7", "messages_30", "messages_90", "staff_messages_90", "sessions_90", "active_days_90"),
            *("recency_points", "active_day_points", "message_points", "score"),
        ),
        COUNT,
    ),
    parameters={"customer_id": Key()},
)

LOSSES_OF_CUSTOMER = Query(
    id="customer_losses",
    sql="""
        select
            visible_staff.name as staff_name,
            visible_stores.name as store_name,
            visible_friend_losses.cause,
            visible_friend_losses.is_exact,
            visible_friend_losses.lost_at
        from visible_friend_losses
        left join visible_staff on visible_staff.userid = visible_friend_losses.userid
        left join visible_stores on visible_stores.store_id = visible_friend_losses.store_id
        where visible_friend_losses.customer_id = $customer_id
        order by visible_friend_losses.lost_at desc, visible_friend_losses.userid
        limit $limit
    """,
    columns={"staff_name": TEXT, "store_name": TEXT, "cause": TEXT, "is_exact": BOOLEAN, "lost_at": TIME},
    parameters={"customer_id": Key(), "limit": Limit()},
)

QUERIES = (BY_CHANNEL, BY_STORE, LOSSES, LOSSES_BY_STAFF, GROUPS, TAGS)
OF_CUSTOMER = (TAGS_OF_CUSTOMER, REACH_OF_CUSTOMER, ENGAGEMENT_OF_CUSTOMER, LOSSES_OF_CUSTOMER)
