"""Documents that people edit as YAML, each with its checks. Loaded → frozen; canonical form + sha256 = version."""
