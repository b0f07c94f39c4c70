"""Tables of networks: what a VPC is made of, and what belongs to it."""
