"""The part of Amazon EC2 that Auto Scaling clients call: one module a noun."""
