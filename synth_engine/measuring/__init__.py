"""How fast the parts are on this machine: rendering beside its reference, the cost of a voice."""
