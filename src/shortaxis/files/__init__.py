"""What touches disk safely: the gate of every input, the writer of every output, decoders in a child, model files."""
