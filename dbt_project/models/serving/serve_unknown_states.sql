-- Records of platforms whose present state is none that this release knows: totals that rest on them may be off.
{%- set watched = [
    ('taobao_trades', 'stg_taobao__trades', 'shop_id'),
    ('taobao_refunds', 'stg_taobao__refunds', 'shop_id'),
    ('youzan_trades', 'stg_youzan__trades', 'store_id'),
    ('youzan_refunds', 'stg_youzan__refunds', 'store_id'),
] %}

with {% for dataset, model, _ in watched %}
{{ dataset }} as (
    select * from {{ ref(model) }}
),
{% endfor %}
unknown_states as (
    {%- for dataset, _, shop in watched %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ dataset }}' as dataset,
        {{ shop }} as store_id,
        status as state,
        count(*) as records_count
    from {{ dataset }}
    where status not in ({{ "'" ~ known_states(dataset) | join("', '") ~ "'" }})
    group by {{ shop }}, status
    {%- endfor %}
)

select * from unknown_states
