"""Amazon CloudWatch: metrics, dashboards and alarms."""
