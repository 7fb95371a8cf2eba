-- What was done for people: follow-ups, visits, courses, tickets and what they thought of it.
with follow_ups as (
    select * from {{ ref('stg_files__follow_ups') }}
),

visits as (
    select * from {{ ref('stg_files__visits') }}
),

enrolments as (
    select * from {{ ref('stg_files__enrolments') }}
),

tickets as (
    select * from {{ ref('stg_files__tickets') }}
),

record_customers as (
    select people.* from {{ ref('record_customers') }} as people
    {{ only_touched(['people.customer_id']) }}
),

-- who is followed up is named by the follow-up itself, or by its lead
followed_up as (
    select
        coalesce(stated.customer_id, of_lead.customer_id) as customer_id,
        'follow_up' as kind,
        'staff' as actor,
        coalesce(follow_ups.channel, 'undeclared') as channel,
        follow_ups.store_id,
        follow_ups.staff_id,
        'follow_up' as object_type,
        follow_ups.follow_up_id as object_id,
        case when follow_ups.outcome is null then 'follow_up' else 'follow_up.outcome' end as text_key,
        case when follow_ups.outcome is not null then {{ arguments({'outcome': 'follow_ups.outcome'}) }} end as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        follow_ups.followed_at as occurred_at
    from follow_ups
    left join record_customers as stated on 'follow_ups:' || follow_ups.follow_up_id = stated.record_id
    left join record_customers as of_lead on 'leads:' || follow_ups.lead_id = of_lead.record_id
),

-- A visit is one thing that happened, whatever was done in it. It is as its items are: done when one was, missed when one was.
whole_visits as (
    select
        visit_key,
        store_id,
        min(technician_id) as technician_id,
        min(salesperson_id) as salesperson_id,
        min(channel) as channel,
        min(service_item) as service_item,
        count(*) as items_count,
        case when min(currency) = max(currency) then min(currency) end as currency,
        case when min(currency) = max(currency) then cast(sum(paid_amount) as bigint) end as paid_amount,
        case
            when max(case when coalesce(status, 'done') not in ('booked', 'cancelled', 'no_show') then 1 else 0 end) = 1
                then 'visit_done'
            when max(case when status = 'no_show' then 1 else 0 end) = 1 then 'visit_missed'
            when max(case when status = 'cancelled' then 1 else 0 end) = 1 then 'visit_cancelled'
        end as ended_as,
        min(booked_at) as booked_at,
        min(visited_at) as visited_at
    from visits
    group by visit_key, store_id
),

visits_of_customers as (
    select
        record_customers.customer_id,
        whole_visits.*,
        case when whole_visits.service_item is not null then {{ arguments({'item': 'whole_visits.service_item'}) }} end as arguments
    from whole_visits
    inner join record_customers on 'visits:' || whole_visits.visit_key = record_customers.record_id
),

visits_booked as (
    select
        customer_id,
        'visit_booked' as kind,
        'customer' as actor,
        coalesce(channel, 'store') as channel,
        store_id,
        salesperson_id as staff_id,
        'visit' as object_type,
        visit_key as object_id,
        case when arguments is null then 'visit_booked' else 'visit_booked.item' end as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        booked_at as occurred_at
    from visits_of_customers
    -- a booking typed in after the visit is none
    where booked_at < visited_at
),

visits_ended as (
    select
        customer_id,
        ended_as as kind,
        case when ended_as = 'visit_missed' then 'company' else 'customer' end as actor,
        'store' as channel,
        store_id,
        coalesce(technician_id, salesperson_id) as staff_id,
        'visit' as object_type,
        visit_key as object_id,
        case
            when arguments is null then ended_as
            when ended_as = 'visit_done' and items_count > 1 then 'visit_done.items'
            else ended_as || '.item'
        end as text_key,
        case
            when arguments is not null and ended_as = 'visit_done' and items_count > 1
                then {{ arguments({'item': 'service_item', 'more': 'items_count - 1'}) }}
            else arguments
        end as arguments,
        case when ended_as = 'visit_done' and paid_amount is not null then currency end as currency,
        case when ended_as = 'visit_done' then paid_amount end as amount,
        visited_at as occurred_at
    from visits_of_customers
    where ended_as is not null
),

enrolled as (
    select
        record_customers.customer_id,
        'enrolled' as kind,
        'customer' as actor,
        'store' as channel,
        enrolments.store_id,
        enrolments.salesperson_id as staff_id,
        'enrolment' as object_type,
        enrolments.enrolment_id as object_id,
        case when enrolments.course_name is null then 'enrolled' else 'enrolled.hours' end as text_key,
        case
            when enrolments.course_name is not null
                then {{ arguments({'course': 'enrolments.course_name', 'hours': number_text('enrolments.hours_bought')}) }}
        end as arguments,
        case when enrolments.paid_amount is not null then enrolments.currency end as currency,
        enrolments.paid_amount as amount,
        enrolments.enrolled_at as occurred_at
    from enrolments
    inner join record_customers on 'enrolments:' || enrolments.enrolment_id = record_customers.record_id
),

tickets_of_customers as (
    select
        record_customers.customer_id,
        tickets.*,
        coalesce(tickets.channel, 'undeclared') as told_channel,
        case when tickets.category is not null then {{ arguments({'category': 'tickets.category'}) }} end as arguments
    from tickets
    inner join record_customers on 'tickets:' || tickets.ticket_id = record_customers.record_id
),

tickets_opened as (
    select
        customer_id,
        'ticket_opened' as kind,
        'customer' as actor,
        told_channel as channel,
        store_id,
        assignee_id as staff_id,
        'ticket' as object_type,
        ticket_id as object_id,
        case when arguments is null then 'ticket_opened' else 'ticket_opened.category' end as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        opened_at as occurred_at
    from tickets_of_customers
),

tickets_solved as (
    select
        customer_id,
        'ticket_solved' as kind,
        'staff' as actor,
        told_channel as channel,
        store_id,
        assignee_id as staff_id,
        'ticket' as object_type,
        ticket_id as object_id,
        case when arguments is null then 'ticket_solved' else 'ticket_solved.category' end as text_key,
        arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        resolved_at as occurred_at
    from tickets_of_customers
    where resolved_at is not null
),

tickets_closed as (
    select
        customer_id,
        'ticket_closed' as kind,
        'staff' as actor,
        told_channel as channel,
        store_id,
        assignee_id as staff_id,
        'ticket' as object_type,
        ticket_id as object_id,
        'ticket_closed' as text_key,
        cast(null as string) as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        closed_at as occurred_at
    from tickets_of_customers
    where closed_at is not null
),

-- A score has no time of its own: it is given when the ticket ends, and one of a ticket that has not ended is not known yet.
reviewed as (
    select
        customer_id,
        'reviewed' as kind,
        'customer' as actor,
        told_channel as channel,
        store_id,
        assignee_id as staff_id,
        'ticket' as object_type,
        ticket_id as object_id,
        'reviewed' as text_key,
        {{ arguments({'score': 'satisfaction'}) }} as arguments,
        cast(null as string) as currency,
        cast(null as bigint) as amount,
        coalesce(closed_at, resolved_at) as occurred_at
    from tickets_of_customers
    where satisfaction is not null and coalesce(closed_at, resolved_at) is not null
),

interactions__service as (
    select * from followed_up
    where customer_id is not null
    union all
    select * from visits_booked
    union all
    select * from visits_ended
    union all
    select * from enrolled
    union all
    select * from tickets_opened
    union all
    select * from tickets_solved
    union all
    select * from tickets_closed
    union all
    select * from reviewed
)

select * from interactions__service
