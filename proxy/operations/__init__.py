"""What operators see: metrics, logs, and the proxy's own endpoints."""
