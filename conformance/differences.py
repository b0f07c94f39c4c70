"""Where Coppice and moto may differ, each with the reason. test_oracle.py fails on one that is not here, and on one that is no more."""

DIFFERENCES: dict[str, str] = {}
