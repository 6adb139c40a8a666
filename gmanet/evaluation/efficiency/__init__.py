"""Table VI: time, memory and size of a detector."""
