"""Cloud vision models behind one seam, the catalogue of what they cost, and the probe of what they really give."""
