"""Which architecture serves a stream: settings, selection, simulation."""
