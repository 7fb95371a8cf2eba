"""One customer: what the customer document means as tables."""
