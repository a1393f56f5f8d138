"""Object detection: the seam, ONNX Runtime sessions and one decoder per output family."""
