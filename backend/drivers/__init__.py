"""Ports to the cloud: one Protocol with its records a module; a folder for each cloud."""
