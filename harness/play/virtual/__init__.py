"""Virtual time: the same script into a relay, without sockets, exact."""
