"""AWS's wire forms; nothing is written per service: each is compiled from the shapes of botocore's models."""
