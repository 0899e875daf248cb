"""Real daemons, started in a home of their own and watched from outside, for ``timbred measure``."""
