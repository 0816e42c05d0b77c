"""The pictures of README.md and docs/, all of them made here."""
