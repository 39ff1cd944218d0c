"""The replaying upstream: an HTTP/1 server that plays scripts at exact times."""
