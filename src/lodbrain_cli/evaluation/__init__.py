"""How near label images come to references: overlap, surfaces, volumes, groups of people."""
