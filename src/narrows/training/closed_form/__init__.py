"""Networks that need no gradient descent: PCA, a linear start, and refitted last layers."""
