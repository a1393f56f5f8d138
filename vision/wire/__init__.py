"""The wire contract between cameras and the cloud adapter: typed messages and how requests are signed."""
