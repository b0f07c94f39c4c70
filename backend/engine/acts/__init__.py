"""What the cloud is told: each act in a file of its own, with how it is carried out and what is written after it."""
