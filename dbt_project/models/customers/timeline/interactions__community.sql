-- Customer groups: who joined, and what they wrote. A group is its owner's, and the store is that in which the owner
-- worked then. Nothing says when somebody
-- left a group.
with messages as (
    select * from {{ ref('stg_chat__messages') }}
),

chat_groups as (
    select * from {{ ref('stg_wecom__groups') }}
),

group_members as (
    select * from {{ ref('stg_wecom__group_members') }}
),

staff_periods as (
    select * from {{ ref('staff_periods') }}
),

identifiers as (
    select people.* from {{ ref('customer_identifiers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where identifier_type = 'external_userid' and is_owner
),

owned_groups as (
    select
        chat_groups.corp_id,
        chat_groups.chat_id,
        chat_groups.owner_userid,
        case when chat_groups.name is not null then {{ arguments({'group': 'chat_groups.name'}) }} end as arguments
    from chat_groups
),

written as (
    select
        identifiers.customer_id,
        'group_message' as kind,
        'customer' as actor,
        'wecom' as channel,
        staff_periods.store_id,
        owned_groups.owner_userid as staff_id,
        'message' as object_type,
        messages.corp_id || ':' || messages.msgid as object_id,
        case
            when messages.kind = 'text' and not messages.is_recalled and owned_groups.arguments is not null
                then 'group_message.group'
            else {{ message_text_key("'group_message'", 'messages') }}
        end as text_key,
        case when messages.kind = 'text' and not messages.is_recalled then owned_groups.arguments end as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        messages.sent_at as occurred_at
    from messages
    inner join identifiers on messages.from_id = identifiers.identifier
    left join owned_groups
        on messages.corp_id = owned_groups.corp_id
        and messages.room_id = owned_groups.chat_id
    left join staff_periods
        on owned_groups.owner_userid = staff_periods.staff_id
        and staff_periods.starts_at <= messages.sent_at
        and messages.sent_at < staff_periods.ends_at
    where messages.room_id is not null
        and messages.action = 'send'
        and messages.from_kind = 'external'
        and messages.kind not in ('revoke', 'agree', 'disagree')
),

joined as (
    select
        identifiers.customer_id,
        'group_joined' as kind,
        'customer' as actor,
        'wecom' as channel,
        staff_periods.store_id,
        owned_groups.owner_userid as staff_id,
        'group' as object_type,
        group_members.corp_id || ':' || group_members.chat_id || ':' || group_members.member_id as object_id,
        case when owned_groups.arguments is null then 'group_joined' else 'group_joined.group' end as text_key,
        owned_groups.arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        group_members.joined_at as occurred_at
    from group_members
    inner join identifiers on group_members.external_userid = identifiers.identifier
    left join owned_groups
        on group_members.corp_id = owned_groups.corp_id
        and group_members.chat_id = owned_groups.chat_id
    left join staff_periods
        on owned_groups.owner_userid = staff_periods.staff_id
        and staff_periods.starts_at <= group_members.joined_at
        and group_members.joined_at < staff_periods.ends_at
),

interactions__community as (
    select * from written
    union all
    select * from joined
)

select * from interactions__community
