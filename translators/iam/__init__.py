"""AWS IAM: what clients ask when they look for the account."""
