"""Agents and MCP servers as they stand: overview, description, replica counts."""
