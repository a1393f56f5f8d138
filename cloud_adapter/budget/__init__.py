"""What calls cost: reserved before, settled after, capped per device and fleet, written into a ledger."""
