"""Frozen values and state tables: what the engine's words mean. Imports nothing but errors and clock."""
