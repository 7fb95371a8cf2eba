"""Door (a): a file of any column naming, encoding and delimiter becomes typed rows of a dataset."""
