"""Outgoing adapters: one module per way out."""
