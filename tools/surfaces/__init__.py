"""The backbone of the inspection: made-up surfaces with faults, and the training of the network on them."""
