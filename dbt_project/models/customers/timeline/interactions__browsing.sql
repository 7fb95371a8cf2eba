-- What people did in the apps. An arrival that names its campaign is a click on an advertisement. A payment is not told here:
-- its order tells it. An app may log what this release does not know: that is told by the log's own word.
-- Events are the most of all rows: what a product's sentence needs is written once a product, not once an event.
with events as (
    select * from {{ ref('stg_mini_program__events') }}
    where kind <> 'pay'
),

app_users as (
    select
        substr(record_id, 11) as user_key,
        customer_id
    from {{ ref('record_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
    where record_id like 'app_users:%'
),

-- one row for all events of a user: a key is made once a user, not once an event
stated as (
    select distinct
        app_id,
        openid,
        unionid,
        visitor_id
    from {{ ref('stg_mini_program__events') }}
    where kind <> 'pay'
),

users as (
    select
        {{ key_hash(['stated.app_id', 'stated.openid', 'stated.unionid', 'stated.visitor_id']) }} as user_hash,
        stated.*,
        app_users.customer_id
    from stated
    inner join app_users
        on {{ content_hash(['stated.app_id', 'stated.openid', 'stated.unionid', 'stated.visitor_id']) }} = app_users.user_key
),

products as (
    select
        product_id,
        name,
        {{ arguments({'product': 'name'}) }} as arguments
    from {{ ref('stg_files__products') }}
),

named as (
    select
        users.customer_id,
        case
            when events.campaign_id is not null and events.kind in ('launch', 'page') then 'ad_clicked'
            when events.kind = 'launch' then 'app_opened'
            when events.kind = 'login' then 'signed_in'
            when events.kind = 'page' or (events.kind = 'view' and events.object_type is distinct from 'product')
                then 'page_viewed'
            when events.kind = 'view' then 'product_viewed'
            when events.kind = 'search' then 'searched'
            when events.kind = 'share' then 'shared'
            when events.kind = 'favourite' then 'favourited'
            when events.kind = 'add_to_cart' then 'cart_added'
            when events.kind = 'checkout' then 'checkout_started'
            else 'app_event'
        end as kind,
        events.kind as logged_kind,
        events.app_event_id,
        events.store_id,
        events.object_type,
        events.object_id,
        events.campaign_id,
        events.keyword,
        -- without what an address says after its question mark: that may be anything, also a phone
        nullif(split_part(events.page, '?', 1), '') as page,
        products.product_id is not null as is_known_product,
        products.name as product_name,
        products.arguments as product_arguments,
        events.quantity,
        events.occurred_at
    from events
    inner join users
        on {{ key_hash(['events.app_id', 'events.openid', 'events.unionid', 'events.visitor_id']) }} = users.user_hash
        and events.app_id is not distinct from users.app_id
        and events.openid is not distinct from users.openid
        and events.unionid is not distinct from users.unionid
        and events.visitor_id is not distinct from users.visitor_id
    left join products
        on events.object_id = products.product_id
        and events.object_type = 'product'
),

interactions__browsing as (
    select
        customer_id,
        kind,
        'customer' as actor,
        'mini_program' as channel,
        store_id,
        cast(null as string) as staff_id,
        'app_event' as object_type,
        app_event_id as object_id,
        case
            when kind = 'ad_clicked' then 'ad_clicked.campaign'
            when kind = 'page_viewed' and page is not null then 'page_viewed.page'
            when kind = 'searched' and keyword is not null then 'searched.keyword'
            when kind = 'app_event' then 'app_event.event'
            when kind not in ('product_viewed', 'shared', 'favourited', 'cart_added') or object_type is distinct from 'product'
                or object_id is null
                then kind
            when kind = 'cart_added' and quantity <> 1 then 'cart_added.products'
            else kind || '.product'
        end as text_key,
        case
            when kind = 'ad_clicked' then {{ arguments({'campaign': 'campaign_id'}) }}
            when kind = 'page_viewed' and page is not null then {{ arguments({'page': 'page'}) }}
            when kind = 'searched' and keyword is not null then {{ arguments({'keyword': 'keyword'}) }}
            when kind = 'app_event' then {{ arguments({'event': 'logged_kind'}) }}
            when kind not in ('product_viewed', 'shared', 'favourited', 'cart_added') or object_type is distinct from 'product'
                or object_id is null
                then cast(null as string)
            when kind = 'cart_added' and quantity <> 1
                then {{ arguments({'product': 'coalesce(product_name, object_id)', 'quantity': number_text('quantity')}) }}
            when is_known_product then product_arguments
            else {{ arguments({'product': 'object_id'}) }}
        end as arguments,
        -- a price that somebody looked at is no money of anybody
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        occurred_at
    from named
)

select * from interactions__browsing
