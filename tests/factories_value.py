"""What customers are worth and what sales leave, in the hand-made snapshot: drawn from its orders."""

VALUE_SOURCES = {
    # costs are known of sales in yuan, but for every fourth; fees of none; scores by the customer's number
    "customer_value": """
        with lines as (
            select *, currency = 'CNY' and right(order_id, 1)::int % 4 <> 3 as is_costed
            from orders where customer_id is not null and is_sale
        )
        select customer_id, store_id, currency, sum(paid_amount + 100)::bigint as revenue_amount,
            sum(-100)::bigint as discount_amount,
            sum(-refunded_amount) filter (where refunded_amount > 0)::bigint as refund_amount,
            sum(-(paid_amount // 2)) filter (where is_costed)::bigint as cost_amount,
            sum(-(paid_amount // 50))::bigint as commission_amount,
            sum(paid_amount - refunded_amount - paid_amount // 50
                - case when is_costed then paid_amount // 2 else 0 end)::bigint as contribution,
            sum(paid_amount)::bigint as paid_amount,
            coalesce(sum(paid_amount) filter (where is_costed), 0)::bigint as covered_amount,
            sum(lines_count)::bigint as lines_count
        from lines group by 1, 2, 3
    """,
    "customer_rfm": """
        select customer_id, currency,
            case when substr(customer_id, 2)::bigint % 9 = 8 then 'long_gone'
                when substr(customer_id, 2)::bigint % 3 = 0 then 'champions' else 'lost' end as segment,
            10 as recency_days, count(*) as frequency, sum(paid_amount)::bigint as monetary, count(*) as orders_count,
            case when substr(customer_id, 2)::bigint % 9 <> 8 then substr(customer_id, 2)::bigint % 5 + 1 end
                as recency_score,
            case when substr(customer_id, 2)::bigint % 9 <> 8 then substr(customer_id, 2)::bigint % 4 + 2 end
                as frequency_score,
            case when substr(customer_id, 2)::bigint % 9 <> 8 then 3 end as monetary_score,
            substr(customer_id, 2)::bigint % 9 <> 8 as is_in_window,
            min(ordered_at) as first_order_at, max(ordered_at) as last_order_at
        from orders where customer_id is not null and is_sale group by 1, 2
    """,
    "contribution_totals": """
        with lines as (
            select strftime(ordered_on, '%Y-%m') as period, store_id, currency, paid_amount, refunded_amount,
                currency = 'CNY' and right(order_id, 1)::int % 4 <> 3 as is_costed,
                'P' || right(order_id, 1) as product_id
            from orders where is_sale
        ),
        contributions as (
            select period, store_id, product_id, currency, 'revenue' as component, paid_amount + 100 as amount,
                paid_amount as covered_amount from lines
            union all select period, store_id, product_id, currency, 'discount', -100, 0 from lines
            union all select period, store_id, product_id, currency, 'refund', -refunded_amount, 0 from lines
            where refunded_amount > 0
            union all select period, store_id, product_id, currency, 'cost', -(paid_amount // 2), paid_amount
            from lines where is_costed
            union all select period, store_id, product_id, currency, 'commission', -(paid_amount // 50), 0 from lines
        )
        select period, store_id, dimension_kind,
            case dimension_kind when 'store' then store_id when 'channel' then 'store' else product_id end
                as dimension_id,
            currency, component, sum(amount)::bigint as amount, sum(covered_amount)::bigint as covered_amount,
            count(*) filter (where covered_amount > 0) as covered_lines, count(*) as lines_count
        from contributions, (values ('store'), ('channel'), ('product')) d(dimension_kind) group by 1, 2, 3, 4, 5, 6
    """,
    "contribution_gaps": """
        select distinct period, 'S03' as store_id, 'cost' as component, 'costs' as source, 'no_rate' as reason,
            'CNY' as currency, -12300 as amount, 4 as rows_count
        from contribution_totals where store_id = 'S03'
        union all
        select max(period), 'unknown', 'fee', 'payment_bill', 'no_order', 'CNY', -4500, 7 from contribution_totals
    """,
    "sold_products": """
        select distinct dimension_id as product_id, '商品 ' || dimension_id as product_name
        from contribution_totals where dimension_kind = 'product'
    """,
    "value_segments": """
        select * from (values ('champions', '重要价值客户', 'Champions', 1), ('lost', '已流失', 'Lost', 2),
            ('long_gone', '久未购买', 'Long gone', 3)) v(segment, name_zh, name_en, segment_seq)
    """,
}
