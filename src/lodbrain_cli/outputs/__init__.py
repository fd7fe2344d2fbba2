"""What is written: label images, tables, run records; whole or not at all."""
