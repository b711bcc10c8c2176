"""What revisions did to an agent's turns: the time of each, from history, joined with the usage in it."""
