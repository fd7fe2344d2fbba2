"""Training: data sets, images synthesised from label maps, losses, and the coarse-to-fine run."""
