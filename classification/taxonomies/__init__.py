"""The taxonomies that come with looktwice, one YAML file each."""
