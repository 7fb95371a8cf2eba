"""Learning: scikit-learn; no dagster, no streamlit."""
