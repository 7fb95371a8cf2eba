"""Bills of payment channels: found by their header, proven by their closing lines, landed once."""
