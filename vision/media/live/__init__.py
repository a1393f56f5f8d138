"""Live sources, one file each: RTSP, USB, HTTP-MJPEG, snapshot address, a file in real time."""
