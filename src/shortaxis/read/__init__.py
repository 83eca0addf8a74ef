"""From disk to a `Study`: one file per format and per data set, the same anatomy in each; and the phantom."""
