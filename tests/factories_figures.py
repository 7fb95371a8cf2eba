"""The figures of a snapshot made by hand (``tests.factories_snapshot``): a few metrics of every kind and place."""

METRICS = """
        with sold as (
            select metric, o.ordered_on as day, store_id, region,
                case when store_type = 'online' then 'online' else 'store' end as channel,
                case when metric = 'sales_amount' or metric = 'orders' then o.currency else '' end as currency,
                customer_id, case metric when 'sales_amount' then paid_amount else 1 end as value
            from orders o join stores using (store_id), (values ('sales_amount'), ('orders'), ('buyers')) m(metric)
            where is_sale and (metric <> 'buyers' or customer_id is not null)
        ),
        placed as (
            select metric, period_kind, case period_kind when 'day' then day else date_trunc('month', day)::date end
                as period_start, dimension_kind,
                case dimension_kind when 'company' then '' when 'store' then store_id when 'region' then region
                    else channel end as dimension_id,
                currency, customer_id, value
            from sold, (values ('day'), ('month')) p(period_kind),
                (values ('company'), ('store'), ('region'), ('channel')) d(dimension_kind)
        )
        select metric, period_kind, period_start, dimension_kind, dimension_id, currency,
            case metric when 'buyers' then count(distinct customer_id) else sum(value) end as value
        from placed group by metric, period_kind, period_start, dimension_kind, dimension_id, currency
        union all
        select 'wecom_friends', period_kind, date '2026-03-01', dimension_kind, dimension_id, '', 10
        from (values ('day'), ('month')) p(period_kind), (
            select 'company' as dimension_kind, '' as dimension_id union all select 'store', store_id from stores
        )
"""
