"""Results in a browser, on this machine alone."""
