"""The phases of a plan: functions that say in a draft what becomes of a cluster, run in order."""
