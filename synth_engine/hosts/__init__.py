"""What asks the kernel for blocks: PortAudio, a paced null host, an offline host."""
