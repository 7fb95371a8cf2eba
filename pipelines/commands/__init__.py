"""The `scrm` command, one file per noun; `pipelines.cli` puts them together."""
