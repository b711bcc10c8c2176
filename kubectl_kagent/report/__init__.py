"""What somebody else needs to find out why agents fail: gathered once, and without secrets."""
