"""The local language model beside the detector: the process it runs in, its queue, what it may say."""
