"""What the five papers print: every table of results as data, one file per paper."""
