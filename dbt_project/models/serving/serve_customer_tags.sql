-- Every tag of every customer over time, whoever gave it. A later source (a model that scores) adds its periods here.
with wecom_tag_periods as (
    select * from {{ ref('wecom_tag_periods') }}
),

rule_tags as (
    select * from {{ source('lake', 'rule_tags') }}
),

customer_tags as (
    select
        customer_id,
        'wecom' as source,
        tag_key,
        name,
        cast(null as string) as name_en,
        tag_group,
        cast(null as string) as tag_group_en,
        cast(null as string) as reason,
        staff_id,
        store_id,
        cast(period as bigint) as period,
        since,
        until
    from wecom_tag_periods
    union all
    select
        customer_id,
        'rule' as source,
        tag_id as tag_key,
        name_zh as name,
        name_en,
        group_zh as tag_group,
        group_en as tag_group_en,
        reason,
        '' as staff_id,
        cast(null as string) as store_id,
        period,
        since,
        until
    from rule_tags
)

select * from customer_tags
