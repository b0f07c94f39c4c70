"""Recorded answers of the real service, and what holds them against a server."""
