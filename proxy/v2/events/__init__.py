"""Events of a stream: parsing, payloads, and the errors that they carry."""
