"""The data sets that are known by name, and where they are fetched from."""
