"""Amazon SNS: topics, subscriptions and what is published."""
