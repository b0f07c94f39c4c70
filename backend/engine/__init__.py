"""Moves what is towards what was asked: claim, plan, write, act, conclude, release."""
