"""Measurements that are printed, never asserted: this machine's speed is not a property of the code."""
