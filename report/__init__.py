"""What a person or a program reads afterwards: JSON, heatmaps, overlays, HTML."""
