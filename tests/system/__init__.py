"""The whole instrument under a real JACK server: nothing is faked but the hardware."""
