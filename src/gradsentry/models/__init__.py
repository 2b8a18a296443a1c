"""Models: load, probe the head, run passes; what cannot be scored exactly is refused."""
