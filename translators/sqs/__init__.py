"""Amazon SQS: queues and messages."""
