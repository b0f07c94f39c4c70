"""The phases of a plan: pure functions from a snapshot to steps, run in order."""
