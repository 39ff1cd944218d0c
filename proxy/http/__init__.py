"""HTTP/1.1 of the proxy, to the upstream and to clients."""
