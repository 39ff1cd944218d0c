"""The client of live runs: requests, stamped reads, and how an answer ended."""
