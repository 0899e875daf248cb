"""OSC in and out on UDP. No datagram may hang, crash or grow the daemon."""
