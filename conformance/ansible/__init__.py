"""Ansible's amazon.aws against a server of its own."""
