"""AWS Auto Scaling: one module a noun."""
