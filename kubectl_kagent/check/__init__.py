"""What is wrong with kagent in a cluster, why, and what would mend it."""
