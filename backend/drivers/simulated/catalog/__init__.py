"""What the simulated cloud offers: instance types and public images, as data."""
