"""Many scans: which, where to, one after the other with the network loaded once."""
