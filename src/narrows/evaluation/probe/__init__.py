"""What latents know of labels, judged by classifiers."""
