"""Guarded actions: the deterministic guard, approvals, actuators, the audit log."""
