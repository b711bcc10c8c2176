"""What the bundle says of a known workload and of known faults, with all the real parts of the lab."""
