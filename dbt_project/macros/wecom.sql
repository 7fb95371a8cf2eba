{#- Is an observation the present state? It is when the last completed pass saw it, or anything after that pass did.
    Before the first pass has been completed nothing can be known to be gone. -#}
{% macro seen_in_last_pass(observation, last_pass) -%}
    ({{ last_pass }}.sync_id is null or {{ observation }}.sync_id = {{ last_pass }}.sync_id or {{ observation }}.seq > {{ last_pass }}.seq)
{%- endmacro %}
