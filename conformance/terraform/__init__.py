"""Terraform against the server."""
