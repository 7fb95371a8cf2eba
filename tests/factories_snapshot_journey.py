"""The journey's tables of the hand-made snapshot: they follow from its customers and orders.

Every customer is a contact, then a first order, then every second one is back for more; every fifth fell asleep.
"""

JOURNEY_SOURCES = {
    "journey_stages": """
        select * from (values
            ('stranger', 'step', '访客', 'Stranger', 'work', 1, null, null, 7, 7),
            ('contact', 'step', '好友', 'Contact', 'work', 2, null, null, 30, 30),
            ('first_order', 'step', '首单', 'First order', 'work', 3, null, null, 60, 60),
            ('repurchase', 'step', '复购', 'Repurchase', 'work', 4, null, null, null, 30),
            ('dormant', 'quiet', '沉睡', 'Dormant', 'customer', 5, 30, null, 30, 30)
        ) v(stage, sort, name_zh, name_en, waits_for, stage_rank, quiet_days, stays_days, target_days, horizon_days)
    """,
    "journey_entries": """
        with moments as (
            select customer_id, 'contact' as stage, home_store_id as store_id, 'contact_added' as cause_kind,
                first_seen_at as entered_at
            from customers
            union all
            select customer_id, case n when 1 then 'first_order' else 'repurchase' end, store_id, 'order_paid', paid_at
            from (
                select *, row_number() over (partition by customer_id order by paid_at) as n
                from orders where is_sale and customer_id is not null
            ) where n <= 2
            union all
            select customer_id, 'dormant', home_store_id, null, last_interaction_at + interval 1 hour
            from customers where substr(customer_id, 2)::bigint % 5 = 0
        ),
        stays as (
            select *, row_number() over (partition by customer_id order by entered_at) as entry_no from moments
        )
        select
            customer_id, stage, lead(stage) over w as next_stage, store_id, lead(store_id) over w as next_store_id,
            cause_kind, entry_no, entered_at, lead(entered_at) over w as left_at
        from stays window w as (partition by customer_id order by entry_no)
    """,
    "journey_stage_days": """
        with moves as (
            select (entered_at + interval 8 hour)::date as metric_date, store_id, stage, 1 as i, 0 as o
            from journey_entries
            union all
            select (left_at + interval 8 hour)::date, store_id, stage, 0, 1 from journey_entries
            where left_at is not null
        ),
        days as (
            select metric_date, store_id, stage, sum(i)::bigint as entered_count, sum(o)::bigint as left_count
            from moves group by all
        )
        select *, sum(entered_count - left_count) over (partition by store_id, stage order by metric_date)::bigint
            as present_count
        from days
    """,
    "journey_transitions": """
        select
            date_trunc('week', (entered_at + interval 8 hour)::date)::date as entry_week, store_id, stage,
            coalesce(next_stage, 'none') as next_stage,
            date_diff('second', entered_at, coalesce(left_at, $as_of::timestamp)) // 86400 as days,
            count(*) as entries_count,
            sum(date_diff('second', entered_at, coalesce(left_at, $as_of::timestamp)))::bigint as seconds_sum
        from journey_entries group by 1, 2, 3, 4, 5
    """,
    "journey_bottlenecks": """
        with stays as (
            select unnest([store_id, '*']) as store_id, stage, next_stage,
                date_diff('second', entered_at, left_at) as seconds
            from journey_entries where left_at is not null
        ),
        edges as (
            select store_id, stage, next_stage, count(*) as times_count, avg(seconds)::bigint as mean_seconds,
                median(seconds)::bigint as median_seconds, quantile_cont(seconds, 0.9)::bigint as p90_seconds,
                sum(greatest(seconds - coalesce(target_days, 0) * 86400, 0))::bigint as excess_seconds,
                count(*) filter (where seconds > target_days * 86400) as late_count,
                any_value(target_days) * 86400 as target_seconds, any_value(waits_for) as waits_for,
                sum(seconds) as all_seconds
            from stays join journey_stages using (stage) group by 1, 2, 3
        )
        select * exclude (all_seconds),
            (all_seconds * 1000000 // greatest(sum(all_seconds) over (partition by store_id), 1))::bigint as share_ppm,
            row_number() over (partition by store_id, waits_for order by excess_seconds desc, stage, next_stage)
                as place
        from edges
    """,
    "journey_weeks": """
        select date '2026-06-15' as week, s as store_id, stage, measure, 60 as entries_count, 12 as weeks_count, value,
            usual, deviation, is_alert
        from (values
            ('*', 'contact', 'conversion', 120000, 310000, 30000, true),
            ('*', 'first_order', 'time', 2160000, 1900000, 300000, false),
            ('S01', 'first_order', 'time', 5184000, 1900000, 300000, true),
            ('S02', 'contact', 'conversion', 90000, 290000, 40000, true)
        ) v(s, stage, measure, value, usual, deviation, is_alert)
    """,
    "cohort_retention": """
        with bought as (
            select unnest([store_id, '*']) as store_id, customer_id, date_trunc('month', ordered_on)::date as month
            from orders where is_sale and customer_id is not null
        ),
        members as (select store_id, customer_id, min(month) as cohort_month from bought group by 1, 2),
        sizes as (select store_id, cohort_month, count(*) as customers_count from members group by 1, 2)
        select store_id, 'store' as channel, cohort_month, date_diff('month', cohort_month, month) as months_since,
            any_value(customers_count) as customers_count, count(distinct customer_id) as active_count,
            count(*) as orders_count
        from bought join members using (store_id, customer_id) join sizes using (store_id, cohort_month)
        group by 1, 2, 3, 4
    """,
    "cohort_revenue": """
        with bought as (
            select unnest([store_id, '*']) as store_id, customer_id, currency, paid_amount, refunded_amount,
                date_trunc('month', ordered_on)::date as month
            from orders where is_sale and customer_id is not null
        ),
        members as (select store_id, customer_id, min(month) as cohort_month from bought group by 1, 2)
        select store_id, 'store' as channel, cohort_month, date_diff('month', cohort_month, month) as months_since,
            currency, sum(paid_amount)::bigint as paid_amount, sum(refunded_amount)::bigint as refunded_amount
        from bought join members using (store_id, customer_id) group by 1, 2, 3, 4, 5
    """,
}
