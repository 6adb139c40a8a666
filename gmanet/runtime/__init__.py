"""Services of the machine for a process: atomic writes, cache, locks, preemption, provenance."""
