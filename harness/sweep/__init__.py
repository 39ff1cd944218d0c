"""The sweep: every byte of a stream as a cut and as a border, in virtual time."""
