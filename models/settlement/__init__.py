"""The pure side of settlement: rules as tables, checks of a rulebook, the exact evaluator, explanations."""
