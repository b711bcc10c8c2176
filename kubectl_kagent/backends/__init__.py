"""HTTP services in the cluster or not: kagent's controller, Prometheus, Tempo, Jaeger, MCP servers."""
