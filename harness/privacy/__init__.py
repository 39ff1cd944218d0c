"""Secrets and personal text: how both are found, and how both are replaced."""
