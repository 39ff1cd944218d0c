"""The operators' view: metrics, logs, and the proxy's own endpoints."""
