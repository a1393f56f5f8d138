"""Finding cameras on the network: WS-Discovery for who is there, ONVIF for what each of them can do."""
