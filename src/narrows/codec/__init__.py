"""The runtime: signals to bytes and back, in exact integers, with numpy and an entropy coder."""
