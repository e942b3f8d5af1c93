"""The conformance cases of http.md over real sockets, against real processes."""
