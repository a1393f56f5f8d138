"""From an event to the people it is for: the store, the outbox and the senders; texts with secrets in them."""
