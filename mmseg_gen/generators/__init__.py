"""Text-to-image models: loading, sampling, inversion, attention, features, prompts, zero-shot recognition."""
