"""A paper's table beside ours: which results are which row, what of ours is which column, and what differs."""
