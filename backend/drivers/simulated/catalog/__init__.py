"""The public images that the simulated cloud offers, as data."""
