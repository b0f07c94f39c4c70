"""Classic load balancers, on the same trees as the others."""
