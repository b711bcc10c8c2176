"""The lab: a real one-node Kubernetes with kagent, for the demo and the cluster tests."""
