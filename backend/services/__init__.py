"""Use cases by noun: check the rules, write intent and journal in one transaction, say when it is due."""
