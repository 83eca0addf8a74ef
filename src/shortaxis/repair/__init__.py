"""After segmentation: what a heart cannot look like is cleaned or named. Plain functions on labels."""
