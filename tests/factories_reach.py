"""Tags, reach, lost friends and engagement of the made snapshot (``tests.factories_snapshot``): table -> select."""

REACH_SOURCES = {
    # every fifth has a tag of the shop's employee, every third one of a rule; of both some have lost it
    "customer_tags": """
        select printf('C%06d', i) as customer_id, 'wecom' as source, 'et1' as tag_key, '老客户' as name,
            '会员' as tag_group, printf('u%02d', i % $stores + 1) as staff_id,
            printf('S%02d', i % $stores + 1) as store_id, 1 as period, $business_date::date - 60 as since,
            case when i % 10 = 5 then $business_date::date - 3 end as until
        from range($customers) r(i) where i % 5 = 0
        union all by name
        select printf('C%06d', i) as customer_id, 'rule' as source, 'repeat_buyer' as tag_key, '复购客户' as name,
            'Repeat buyer' as name_en, '购买' as tag_group, 'Buying' as tag_group_en,
            '{"orders_count":3}' as reason, '' as staff_id, 1 as period, $business_date::date - 9 as since
        from range($customers) r(i) where i % 3 = 0
    """,
    "friend_losses": """
        select printf('u%02d', i % $stores + 1) as userid, 'wx' || i as external_userid,
            printf('C%06d', i) as customer_id, printf('S%02d', i % $stores + 1) as store_id,
            ['deleted_by_customer', 'deleted_by_staff', 'handed_over', 'staff_left', 'unknown'][i % 5 + 1] as cause,
            i % 5 <> 4 as is_exact, $as_of::timestamp - to_days(100) as followed_at,
            $as_of::timestamp - to_days((i * 3 + 1)::int) as lost_at
        from range($customers) r(i) where i % 4 = 0
    """,
    "customer_reachability": """
        select
            customer_id, channel, reason as marketing_reason,
            case when reason = 'no_contact_point' then reason end as service_reason,
            reason is null as is_marketing_reachable,
            reason is distinct from 'no_contact_point' as is_service_reachable,
            first_seen_at as marketing_since, first_seen_at as service_since
        from (
            select customer_id, channel, first_seen_at,
                case
                    when channel in ('email', 'mini_program', 'official_account') then 'no_contact_point'
                    when not has_marketing_consent then 'withdrawn'
                end as reason
            from customers,
                (values ('wecom'), ('sms'), ('phone'), ('email'), ('mini_program'), ('official_account')) v(channel)
        )
    """,
    "customer_engagement": """
        select customer_id, 1 as messages_7, 4 as messages_30, 9 as messages_90, 7 as staff_messages_90,
            5 as sessions_90, 6 as active_days_90, 25 as recency_points, 18 as active_day_points,
            8 as message_points, 51 as score, last_interaction_at as last_touch_at
        from customers
    """,
    "group_engagement": """
        select 'corp' as corp_id, 'wr' || store_id as chat_id, '茶友群' || store_id as name,
            'u' || substr(store_id, 2) as owner_userid, store_id, 21 as members, 20 as external_members,
            33 as messages_30, 6 as speakers_30, 3 as joined_30, 1 as left_30, 15 as silent_members,
            750000 as silent_ppm, true as is_current, $as_of::timestamp - to_days(200) as created_at
        from stores
    """,
}
