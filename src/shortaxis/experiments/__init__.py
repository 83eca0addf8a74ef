"""Experiments over whole methods: what the papers' tables need, each by one command."""
