"""Pictures for people: overlays, sheets of rows, curves. Imports nothing heavy until a function is called."""
