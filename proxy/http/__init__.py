"""HTTP/1.1 as the proxy speaks it to the upstream, and to clients."""
