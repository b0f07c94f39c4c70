"""Tables of load balancing: balancers, target groups, listeners and rules."""
