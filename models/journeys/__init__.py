"""Customers' journeys: the document as the tables that dbt reads."""
