"""The page of a scan, and that of many: one file each, to be opened without a network."""
