"""Moves what is towards what was asked: claim, observe, plan, apply, release."""
