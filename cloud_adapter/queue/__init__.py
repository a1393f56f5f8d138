"""The queue of jobs and the pictures they are about: embedded (SQLite and files) or NATS JetStream."""
