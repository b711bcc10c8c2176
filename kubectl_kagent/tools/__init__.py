"""What MCP servers offer and agents name."""
