"""Recording exchanges with a server for bug reports, and serving recordings."""
