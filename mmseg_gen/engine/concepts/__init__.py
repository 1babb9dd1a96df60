"""fobadiffusion from photos to segmentors: the stages, each of which goes on where it was killed."""
