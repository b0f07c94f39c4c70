"""Tables of identities: roles, instance profiles and policies, and of parameters."""
