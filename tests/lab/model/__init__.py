"""A scripted OpenAI-compatible server: the agents' model in the lab, without key, cost or chance."""
