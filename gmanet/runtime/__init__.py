"""What a process needs of its machine: atomic writes, cache, locks, preemption, provenance."""
