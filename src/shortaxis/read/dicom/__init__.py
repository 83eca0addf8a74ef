"""DICOM, of any folder layout or a zip, to the short-axis cine in it: `study.py` is the way through the others."""
