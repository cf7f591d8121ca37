"""What several studies share: toy functions, MLPs and how they are trained, memory, and ticks of figures."""
