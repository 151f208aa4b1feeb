"""What the loop drives: heads on kept features, or a whole network."""
