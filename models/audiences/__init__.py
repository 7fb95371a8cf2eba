"""Audiences: who meets a document's conditions, and who of them may be contacted. Pure functions on frames."""
