"""The command line: parse, call one verb of the library, print, exit code."""
