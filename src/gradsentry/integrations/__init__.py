"""Where people already work: what trainers, pipelines and CI systems take a verdict in."""
