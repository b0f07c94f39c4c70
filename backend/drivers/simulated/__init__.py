"""A cloud that is not there: servers boot, fail and vanish in its own persistent state."""
