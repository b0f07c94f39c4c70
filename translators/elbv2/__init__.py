"""The little of load balancing that Auto Scaling's clients ask for: target groups, and how their targets do."""
