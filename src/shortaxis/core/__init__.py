"""The vocabulary every other part speaks; it imports nothing of ours."""
