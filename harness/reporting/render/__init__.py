"""Renders ``report.json`` for people: console and Markdown."""
