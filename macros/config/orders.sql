{# What a dataset of orders says beyond its columns: for which days customers are graded, and what counts. #}

{# The columns that an input of orders may have, with the type that cleaning gives them. #}
{% macro order_columns() %}
    {{- return({
        "customer_id": "text",
        "region": "text",
        "order_id": "text",
        "ordered_at": "date",
        "amount": "decimal",
    }) -}}
{% endmacro %}

{# What is measured from orders beside the standard columns, as extra columns of the dataset that no input has. #}
{% macro measured_columns() %}
    {%- set measured = [] -%}
    {%- for name, type in [
        ("first_order_date", "date"), ("purchase_days", "integer"), ("refund_count", "integer"), ("average_order_value", "decimal")
    ] -%}
        {%- do measured.append({"name": name, "column": none, "type": type, "stored_as": name}) -%}
    {%- endfor -%}
    {{- return(measured) -}}
{% endmacro %}

{# The keys of an orders dataset, checked: {as_of: [dates], window: {days, months or since}, frequency, refunds, inactive}.
   columns: the standard columns that the dataset maps #}
{% macro orders_settings(owner, written, columns) %}
    {%- for column in ["ordered_at", "amount"] if column not in columns -%}
        {%- do rfm.raise_missing_key(
            owner, "columns", column, {"ordered_at": "the column of the order's date", "amount": "the column of the money"}[column]
        ) -%}
    {%- endfor -%}
    {%- set settings = {
        "as_of": rfm.as_of_dates(owner, written.as_of),
        "window": none,
        "frequency": written.get("frequency", "orders"),
        "refunds": written.get("refunds", "net"),
        "inactive": written.get("inactive", "keep"),
    } -%}
    {%- do rfm.check_one_of(owner, "frequency", settings.frequency, ["orders", "days", "net_orders"]) -%}
    {%- do rfm.check_one_of(owner, "refunds", settings.refunds, ["net", "drop"]) -%}
    {%- do rfm.check_one_of(owner, "inactive", settings.inactive, ["keep", "drop"]) -%}
    {%- if settings.frequency == "net_orders" and settings.refunds == "drop" -%}
        {%- do rfm.raise_wrong_value(owner, "frequency", "net_orders", "refunds: net, as refunds that are dropped lower nothing") -%}
    {%- endif -%}
    {%- if "window" in written -%}
        {%- do settings.update({"window": rfm.order_window(owner, written.window, settings.as_of)}) -%}
    {%- elif settings.inactive == "drop" -%}
        {%- do rfm.raise_wrong_value(owner, "inactive", "drop", "a window: over all history every customer has an order") -%}
    {%- endif -%}
    {{- return(settings) -}}
{% endmacro %}

{# The as-of dates, the earliest first: of one date, a list, or {from, to, every}. #}
{% macro as_of_dates(owner, written) %}
    {%- set dates = [] -%}
    {%- if written is mapping and written -%}
        {%- set keys = ["from", "to", "every"] -%}
        {%- do rfm.check_keys(owner, "as_of", written, keys) -%}
        {%- for key in keys if key not in written -%}
            {%- do rfm.raise_missing_key(owner, "as_of", key, "the keys: from, to, every (week, month or quarter)") -%}
        {%- endfor -%}
        {%- do rfm.check_one_of(owner, "as_of.every", written.every, ["week", "month", "quarter"]) -%}
        {%- set first = rfm.checked_date(owner, "as_of.from", written.from) -%}
        {%- set last = rfm.checked_date(owner, "as_of.to", written.to) -%}
        {%- if last < first -%}
            {%- do rfm.raise_wrong_value(owner, "as_of.to", last | string, "a date from as_of.from on: " ~ first) -%}
        {%- endif -%}
        {%- set steps = (last - first).days // 7 if written.every == "week" else (last.year - first.year) * 12 + last.month - first.month -%}
        {#- No more steps than show that there are more than 1000 dates, of quarters too. -#}
        {%- for step in range([steps, 3000] | min + 1) if written.every != "quarter" or step % 3 == 0 -%}
            {%- set date = rfm.add_days(first, 7 * step) if written.every == "week" else rfm.add_months(first, step) -%}
            {%- if date <= last -%}
                {%- do dates.append(date) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- elif written is string or written is not sequence -%}
        {%- do dates.append(rfm.checked_date(owner, "as_of", written)) -%}
    {%- else -%}
        {%- do rfm.check_list(owner, "as_of", written, "a date, a list of dates, or {from: , to: , every: month}") -%}
        {%- for entry in written -%}
            {%- set path = "as_of[" ~ loop.index ~ "]" -%}
            {%- set date = rfm.checked_date(owner, path, entry) -%}
            {%- if date in dates -%}
                {%- do rfm.raise_wrong_value(owner, path, date | string, "each date once") -%}
            {%- endif -%}
            {%- do dates.append(date) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if dates | length > 1000 -%}
        {%- do rfm.raise_configuration_error(owner, "as_of stands for more than 1000 dates", "at most 1000") -%}
    {%- endif -%}
    {{- return(dates | sort) -}}
{% endmacro %}

{# The window before every as-of date: {days: n}, {months: n} or {since: date}. #}
{% macro order_window(owner, written, dates) %}
    {%- if written is not mapping or not written -%}
        {%- do rfm.raise_wrong_value(
            owner, "window", written, "one like {days: 30}, {months: 12} or {since: 2024-01-01}, or no window: all history"
        ) -%}
    {%- endif -%}
    {%- do rfm.check_keys(owner, "window", written, ["days", "months", "since"]) -%}
    {%- if written | length > 1 -%}
        {%- do rfm.raise_configuration_error(owner, "window has both '" ~ (written | list)[:2] | join("' and '") ~ "'", "one of the two") -%}
    {%- elif "since" in written -%}
        {%- set since = rfm.checked_date(owner, "window.since", written.since) -%}
        {%- if since > dates[0] -%}
            {%- do rfm.raise_wrong_value(owner, "window.since", since | string, "a date up to the first as-of date, " ~ dates[0]) -%}
        {%- endif -%}
        {{- return({"since": since}) -}}
    {%- endif -%}
    {%- for key, largest in [("days", 36600), ("months", 1200)] if key in written -%}
        {%- do rfm.check_whole_number(owner, "window." ~ key, written[key], 1, largest) -%}
    {%- endfor -%}
    {{- return(written) -}}
{% endmacro %}

{# The eve of the window of an as-of date: orders after this day count; none where all history does. #}
{% macro window_eve(dataset, as_of_date) %}
    {%- if dataset.window is none -%}
        {{- return(none) -}}
    {%- elif "since" in dataset.window -%}
        {{- return(rfm.add_days(dataset.window.since, -1)) -}}
    {%- elif "days" in dataset.window -%}
        {{- return(rfm.add_days(as_of_date, -dataset.window.days)) -}}
    {%- endif -%}
    {{- return(rfm.add_months(as_of_date, -dataset.window.months)) -}}
{% endmacro %}
