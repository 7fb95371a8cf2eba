"""Sandboxes of the connectors, for the suite that every connector must pass (tests/contracts/test_connectors.py)."""
