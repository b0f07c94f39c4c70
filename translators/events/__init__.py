"""EventBridge and the words of messages: what is told to others than the caller."""
