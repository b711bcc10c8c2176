"""Every verb under faults, mutated answers and generated command lines."""
