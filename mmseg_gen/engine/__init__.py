"""The loops: synthesis of pseudo-labelled data sets."""
