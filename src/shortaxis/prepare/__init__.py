"""From a study to network samples, each remembering its way back."""
