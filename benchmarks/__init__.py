"""Side by side with what one would use instead: `python -m benchmarks CASE` prints a table and writes a JSON file."""
