"""The embedded world: rendered scenes, and real models small enough to ship."""
