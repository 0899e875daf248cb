"""Where rendered notes live: the accounting of slots, and banks on disk.

Nothing here knows the network, the kernel or a process: numbers in, decisions out.
"""
