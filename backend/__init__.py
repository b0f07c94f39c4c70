"""Clusters, nodes, profiles: the engine and what it is asked. Knows no AWS wire form."""
