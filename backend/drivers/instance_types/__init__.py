"""EC2's instance types with their true figures, as data: what every driver measures its own flavors by."""
