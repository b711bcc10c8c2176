"""Rates, errors, durations and tokens of agents, tools and models."""
