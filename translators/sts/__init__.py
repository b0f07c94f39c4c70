"""AWS STS: who is calling."""
