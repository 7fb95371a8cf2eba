"""One folder per step of the road, one file per subject."""
