"""The model in memory, its file, and the numbers its search needs."""
